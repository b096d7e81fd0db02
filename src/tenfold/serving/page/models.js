// The models: a list, and a page on each from what its file says of itself.

import { choose, models } from './service.js'
import { byId, element, percent, say } from './words.js'

const SETS = { mnist: 'the 10,000 test digits of MNIST', 'mnist-validation': '5,000 digits of MNIST kept aside' }

export function list() {
  byId('models').replaceChildren(
    element('h1', { id: 'models-title' }, 'Models'),
    element('p', { className: 'lead' }, 'Each is one file. Which one answers is chosen above.'),
    element('ul', { className: 'cards' }, ...models.all.map(card)))
}

function card(each) {
  const link = element('a', { href: `#models/${each.name}` }, each.name)
  const note = each.name === models.chosen ? element('span', { className: 'badge' }, 'in use') : ''
  return element('li', {}, element('h2', {}, link, ' ', note),
    element('p', {}, each.recipe.summary ?? ''),
    element('p', { className: 'quiet' }, [headline(each), `${each.parameters.toLocaleString('en')} parameters`].filter(Boolean).join(' · ')))
}

const accuracy = (found) => `${(100 * found.accuracy).toFixed(2)} %`
const interval = (found) => found.interval ? `${found.interval.map((end) => (100 * end).toFixed(2)).join(' to ')} %` : ''
const headline = ({ measured }) => {
  const found = measured.test ?? measured.validation
  return found ? `${accuracy(found)} right on ${SETS[found.on] ?? found.on}` : ''
}

export function page(name) {
  const each = models.all.find((one) => one.name === name)
  if (!each) return list()
  const use = element('button', { type: 'button', className: 'primary', disabled: name === models.chosen },
    name === models.chosen ? 'In use' : 'Use this model')
  use.addEventListener('click', () => {
    choose(name) // the page is made anew
    byId('main').focus({ preventScroll: true })
    say(`${name} is in use.`)
  })
  const found = each.measured.test ?? each.measured.validation
  byId('models').replaceChildren(
    element('p', {}, element('a', { href: '#models' }, '← All models')),
    element('div', { className: 'model-head' }, element('h1', { id: 'models-title' }, each.name), use),
    element('p', { className: 'lead' }, each.recipe.summary ?? ''),
    element('dl', { className: 'tiles' },
      ...(found ? [tile('Right', accuracy(found), `of ${SETS[found.on] ?? found.on}; 95 % interval ${interval(found)}`)] : []),
      tile('Parameters', each.parameters.toLocaleString('en'), `${Math.round(each.bytes / 1000).toLocaleString('en')} kB on disk`),
      tile('Unsure below', each.threshold ? percent(each.threshold) : 'never', 'the confidence under which it says so'),
      tile('Temperature', each.temperature.toFixed(3), 'divides the evidence, so that its percentages are true')),
    ...section('Measured', table(['on', 'pictures', 'errors', 'right', '95 % interval'],
      Object.values(each.measured).map(measurement))),
    ...section('Layers', table(['', 'layer', 'gives'],
      each.layers.map(({ operators, shape }, index) => [index + 1, operators.join(', '), shape.join(' × ')]))),
    ...section('Recipe', facts(each.recipe)),
    ...section('Learnt from', facts(each.data)),
    element('p', { className: 'quiet break' }, `SHA-256 of the file: ${each.sha256}`))
}

const measurement = (one) =>
  [one.on ?? '', one.count?.toLocaleString('en') ?? '', one.errors ?? '', accuracy(one), interval(one)]

const tile = (name, value, note) =>
  element('div', {}, element('dt', {}, name), element('dd', {}, value, element('span', {}, note)))

const section = (title, content) => (content ? [element('h2', {}, title), content] : [])

function table(head, rows) {
  if (!rows.length) return null
  const cell = (tag) => (text) => element(tag, {}, String(text))
  return element('div', { className: 'scroll', tabIndex: 0, role: 'group', ariaLabel: 'Table' }, element('table', {},
    element('thead', {}, element('tr', {}, ...head.map(cell('th')))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map(cell('td')))))))
}

// A recipe's own names, nested ones with a point between.
function facts(document_) {
  const flat = (value, name) => value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name}.${key}` : key))
    : [[name, value]]
  const rows = flat(document_, '').filter(([name]) => name !== 'summary')
  if (!rows.length) return null
  return element('dl', { className: 'facts' }, ...rows.map(([name, value]) =>
    element('div', {}, element('dt', {}, name),
      element('dd', {}, Array.isArray(value) ? value.join(', ') : String(value ?? 'none')))))
}
