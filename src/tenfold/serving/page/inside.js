// The view that explains: the drawing on its way through the layers, and what each place of a map looks at.

import { offerExamples, sheet } from './draw.js'
import { Maps } from './maps.js'
import { bytes, paintDigit, paintPlane } from './pixels.js'
import { ask } from './service.js'
import { byId, element, percent, times, trouble } from './words.js'

// What an operator does, for those who meet it for the first time.
const MEANING = {
  Conv: 'Each map is made by a small filter that slides over all the maps before it and answers where it finds ' +
    'its pattern: an edge, a bend, the end of a stroke.',
  Relu: 'What is negative becomes zero: a filter says where its pattern is, and keeps silent elsewhere.',
  MaxPool: 'Of each small square only the strongest answer is kept. The maps shrink, and it matters less where ' +
    'exactly a stroke lies.',
  AveragePool: 'Each small square becomes its mean. The maps shrink, and it matters less where exactly a stroke lies.',
  GlobalMaxPool: 'Of each map the strongest answer is kept: was the pattern found anywhere?',
  GlobalAveragePool: 'Of each map the mean is kept: how much of the pattern is there?',
  Gemm: 'Each digit weighs these numbers in its own way and adds them up: the evidence for it.',
  Add: 'What came before is added once more, so that a layer only has to learn what to change.',
  Softmax: 'The evidence becomes probabilities that add up to 1. Before, it is divided by a temperature that was ' +
    'fitted on other digits, so that 90 % is right nine times of ten. Where the model “reader” is not sure it looks again, at the ' +
    'drawing turned and slanted, and answers by the mean; shown is the first look.',
  Committee: 'This model is a committee. Other networks, each trained on its own, look at the same picture; shown so ' +
    'far is the first of them. The answer is the mean of the probabilities of all.',
}
const SHORT = {
  Conv: 'Convolution', Relu: 'ReLU', MaxPool: 'Max pooling', AveragePool: 'Average pooling',
  GlobalMaxPool: 'Global maximum', GlobalAveragePool: 'Global mean', Gemm: 'Fully connected', Add: 'Residual', Softmax: 'Softmax',
  Committee: 'Committee',
}

let story = null // what /page/steps said
let at = 0 // the step that is shown; 0 is the picture

export function start() {
  document.addEventListener('modelchange', () => { if (!byId('view-inside').hidden) enter() })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => story && show(at))
  return offerExamples(byId('inside-examples'), () => {
    enter() // hides them
    byId('main').focus({ preventScroll: true })
  })
}

// Called when the view comes to the front: the drawing may be another one.
export async function enter() {
  byId('inside-empty').hidden = !sheet.blank
  byId('inside-body').hidden = sheet.blank
  if (sheet.blank) return
  try {
    const body = await sheet.picture().convertToBlob({ type: 'image/png' })
    story = await ask('/page/steps', { body })
    trouble(null, 'inside')
  } catch (error) {
    byId('inside-body').hidden = true // it is that of another drawing
    trouble(error, 'inside')
    return
  }
  const titles = ['Your digit', ...story.steps.map(title)]
  byId('stages').replaceChildren(...titles.map((name, index) => {
    const button = element('button', { type: 'button' }, name)
    button.addEventListener('click', () => show(index))
    return element('li', {}, button)
  }))
  show(Math.min(at, story.steps.length))
}

const title = ({ operators }) => SHORT[operators.find((name) => name in SHORT)] ?? operators[0]

function show(index) {
  at = index
  for (const [each, item] of [...byId('stages').children].entries()) {
    if (each === index) item.firstChild.setAttribute('aria-current', 'step')
    else item.firstChild.removeAttribute('aria-current')
  }
  const turn = (text, to) => {
    const button = element('button', { type: 'button', disabled: to < 0 || to > story.steps.length }, text)
    button.addEventListener('click', () => {
      show(to)
      const left = [...byId('stage').querySelectorAll('[data-turn]:not(:disabled)')]
      ;(left.find((each) => each.dataset.turn === text) ?? left[0]).focus()
    })
    button.dataset.turn = text
    return button
  }
  const turns = element('div', { className: 'tools turns' }, turn('Back', index - 1), turn('Next', index + 1))
  byId('stage').replaceChildren(...(index === 0 ? picture() : layer(story.steps[index - 1], index)), turns)
  const chosen = byId('stages').children[index]
  byId('stages').scrollTo({ left: chosen.offsetLeft - byId('stages').clientWidth / 2 + chosen.clientWidth / 2 })
}

function picture() {
  const canvas = element('canvas', { className: 'large', role: 'img', ariaLabel: 'Your digit in 28 by 28 pixels' })
  requestAnimationFrame(() => paintDigit(canvas, bytes(story.seen)))
  return [
    element('h2', {}, 'Your digit'),
    element('p', {}, 'It was found on the sheet, brought to a size of 20 pixels and put with its centre of mass in ' +
      'the middle of 28 × 28: 784 numbers, 0 for paper and 1 for ink. The network sees nothing else.'),
    canvas,
  ]
}

function layer(step, index) {
  const names = step.operators.filter((name) => name in SHORT)
  const heading = element('h2', {}, names.map((name, place) => (place ? later(SHORT[name]) : SHORT[name])).join(' and '))
  const size = element('p', { className: 'quiet' }, measure(step))
  const sentences = names.map((name) => element('p', {}, MEANING[name]))
  if (step.planes) return [heading, size, ...sentences, new Maps(step, bytes(story.seen)).element]
  const last = ['Softmax', 'Committee'].some((name) => step.operators.includes(name)) // probabilities
  return [heading, size, ...sentences, step.numbers.length === 10 ? tenBars(step.numbers, last) : strip(step)]
}

// A name within a sentence: only ReLU keeps its capitals.
const later = (name) => (name === 'ReLU' ? name : name.toLowerCase())

function measure({ shape, kernel, stride, weights }) {
  const parts = []
  if (kernel) parts.push(`window of ${kernel} × ${kernel}${stride > 1 ? `, ${stride} pixels apart` : ''}`)
  const [count, height, width] = shape
  if (height * width > 1) parts.push(`${times(count, 'map')} of ${height} × ${width}`)
  else parts.push(times(count, 'number'))
  if (weights) parts.push(`${weights.toLocaleString('en')} weights, learnt from examples`)
  return parts.join(' · ')
}

function tenBars(numbers, last) {
  const most = last ? 1 : Math.max(...numbers.map(Math.abs))
  const best = numbers.indexOf(Math.max(...numbers))
  const label = last ? 'Probability of each digit' : 'Evidence for each digit'
  return element('ol', { className: `bars${last ? '' : ' signed'}`, ariaLabel: label },
    ...numbers.map((value, digit) => {
      const fill = element('span', { className: `fill${value < 0 ? ' minus' : ''}` })
      fill.style.transform = `scaleX(${Math.abs(value) / most})`
      return element('li', { className: digit === best ? 'best' : '' },
        element('span', { className: 'digit' }, String(digit)),
        element('span', { className: 'bar', ariaHidden: 'true' }, fill),
        element('span', { className: 'share' }, last ? percent(value) : value.toFixed(1)))
    }))
}

function strip({ numbers }) {
  const canvas = element('canvas', { className: 'strip', role: 'img', ariaLabel: `${numbers.length} numbers, darker is larger` })
  const columns = Math.ceil(Math.sqrt(2 * numbers.length))
  const most = Math.max(...numbers.map(Math.abs), 1e-6)
  const rows = Math.ceil(numbers.length / columns)
  const low = Math.min(0, ...numbers)
  const byte = (value) => (255 * (value - low)) / (most - low)
  const values = Uint8Array.from({ length: rows * columns }, (_, index) => byte(numbers[index] ?? 0))
  requestAnimationFrame(() => paintPlane(canvas, values, columns, rows, { low, high: most }))
  return canvas
}
