// The view that explains: the drawing on its way through the layers, and what each place of a map looks at.

import { offerExamples, sheet } from './draw.js'
import { bytes, paintDigit, paintPlane } from './pixels.js'
import { ask } from './service.js'
import { byId, element, percent, times, trouble } from './words.js'

// What an operator does, for those who meet it for the first time.
const MEANING = {
  Conv: 'Each map is made by a small filter that slides over all the maps before it and answers where it finds its pattern: an edge, a bend, the end of a stroke.',
  Relu: 'What is negative becomes zero: a filter says where its pattern is, and keeps silent elsewhere.',
  MaxPool: 'Of each small square only the strongest answer is kept. The maps shrink, and it matters less where exactly a stroke lies.',
  AveragePool: 'Each small square becomes its mean. The maps shrink, and it matters less where exactly a stroke lies.',
  GlobalMaxPool: 'Of each map the strongest answer is kept: was the pattern found anywhere?',
  GlobalAveragePool: 'Of each map the mean is kept: how much of the pattern is there?',
  Gemm: 'Each digit weighs these numbers in its own way and adds them up: the evidence for it.',
  Add: 'What came before is added once more, so that a layer only has to learn what to change.',
  Softmax: 'The evidence becomes probabilities that add up to 1. Before, it is divided by a temperature that was fitted on other digits, so that 90 % is right nine times of ten.',
}
const SHORT = {
  Conv: 'Convolution', Relu: 'ReLU', MaxPool: 'Max pooling', AveragePool: 'Average pooling', GlobalMaxPool: 'Global maximum',
  GlobalAveragePool: 'Global mean', Gemm: 'Fully connected', Add: 'Residual', Softmax: 'Softmax',
}

let story = null // what /page/steps said
let at = 0 // the step that is shown; 0 is the picture

export function start() {
  document.addEventListener('modelchange', () => { if (!byId('view-inside').hidden) enter() })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => story && show(at))
  return offerExamples(byId('inside-examples'), enter)
}

// Called when the view comes to the front: the drawing may be another one.
export async function enter() {
  byId('inside-empty').hidden = !sheet.blank
  byId('inside-body').hidden = sheet.blank
  if (sheet.blank) return
  try {
    const body = await sheet.picture().convertToBlob({ type: 'image/png' })
    story = await ask('/page/steps', { body })
    trouble(null)
  } catch (error) {
    trouble(error)
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
    button.addEventListener('click', () => { show(to); byId('stage').querySelector(`[data-turn="${text}"]`)?.focus() })
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
  document.fonts.ready.then(() => paintDigit(canvas, bytes(story.seen)))
  return [
    element('h2', {}, 'Your digit'),
    element('p', {}, 'It was found on the sheet, brought to a size of 20 pixels and put with its centre of mass in the middle of 28 × 28: 784 numbers, 0 for paper and 1 for ink. The network sees nothing else.'),
    canvas,
  ]
}

function layer(step, index) {
  const names = step.operators.filter((name) => name in SHORT)
  const heading = element('h2', {}, names.map((name, place) => (place ? later(SHORT[name]) : SHORT[name])).join(' and '))
  const size = element('p', { className: 'quiet' }, measure(step))
  const sentences = names.map((name) => element('p', {}, MEANING[name]))
  if (step.planes) return [heading, size, ...sentences, maps(step)]
  const last = index === story.steps.length
  return [heading, size, ...sentences, step.numbers.length === 10 ? tenBars(step.numbers, last) : strip(step)]
}

// A name within a sentence: only ReLU keeps its capitals.
const later = (name) => (name === 'ReLU' ? name : name.toLowerCase())

function measure({ shape, kernel, stride, weights }) {
  const parts = []
  if (kernel) parts.push(`window of ${kernel} × ${kernel}${stride > 1 ? `, ${stride} pixels apart` : ''}`)
  parts.push(shape.length === 3 && shape[1] * shape[2] > 1 ? `${times(shape[0], 'map')} of ${shape[1]} × ${shape[2]}` : times(shape.reduce((a, b) => a * b), 'number'))
  if (weights) parts.push(`${weights.toLocaleString('en')} weights, learnt from examples`)
  return parts.join(' · ')
}

// All maps small, one of them large, and on the digit the part that its pointed-at place sees.
function maps(step) {
  const [count, height, width] = step.shape
  const planes = bytes(step.planes)
  const plane = (index) => planes.subarray(index * height * width, (index + 1) * height * width)
  const large = element('canvas', { className: 'large', tabIndex: 0, role: 'img' })
  const digit = element('canvas', { className: 'large', role: 'img', ariaLabel: 'Your digit with the part that this place looks at' })
  const [frame, dot] = [element('div', { className: 'field' }), element('div', { className: 'field cell' })]
  const caption = element('figcaption')
  const place = { x: Math.floor(width / 2), y: Math.floor(height / 2) }
  let chosen = 0

  const point = () => {
    const { first, step: stride, size } = step.field
    const outline = (box, whole, x, y, length) => {
      const [from, to] = [(v) => Math.max(0, v), (v) => Math.min(whole, v)]
      box.style.left = `${(100 * from(x)) / whole}%`
      box.style.top = `${(100 * from(y)) / whole}%`
      box.style.width = `${(100 * (to(x + length) - from(x))) / whole}%`
      box.style.height = `${(100 * (to(y + length) - from(y))) / whole}%`
    }
    outline(frame, 28, first + stride * place.x, first + stride * place.y, size)
    outline(dot, Math.max(width, height), place.x, place.y, 1)
    caption.textContent = `Map ${chosen + 1} of ${count}. The marked place sees ${size >= 28 ? 'nearly all of the digit' : `${size} × ${size} pixels of the digit`}.`
    large.setAttribute('aria-label', `Map ${chosen + 1}, row ${place.y + 1}, column ${place.x + 1}`)
  }
  const choose = (index) => {
    chosen = index
    for (const [each, button] of [...grid.children].entries()) {
      button.setAttribute('aria-pressed', String(each === index))
      button.tabIndex = each === index ? 0 : -1
    }
    paintPlane(large, plane(index), width, height, step)
    point()
  }
  const move = (x, y) => {
    place.x = Math.max(0, Math.min(width - 1, x))
    place.y = Math.max(0, Math.min(height - 1, y))
    point()
  }
  large.addEventListener('pointermove', (event) => {
    const box = large.getBoundingClientRect()
    move(Math.floor(((event.clientX - box.left) / box.width) * width), Math.floor(((event.clientY - box.top) / box.height) * height))
  })
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  large.addEventListener('keydown', (event) => {
    if (!(event.key in arrows)) return
    event.preventDefault()
    move(place.x + arrows[event.key][0], place.y + arrows[event.key][1])
  })

  const grid = element('div', { className: 'maps', role: 'group', ariaLabel: 'Maps of this layer' }, ...Array.from({ length: count }, (_, index) => {
    const canvas = element('canvas', { ariaHidden: 'true' })
    const button = element('button', { type: 'button', ariaLabel: `Map ${index + 1}` }, canvas)
    button.addEventListener('click', () => choose(index))
    return button
  }))
  grid.addEventListener('keydown', (event) => {
    const step_ = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    if (!step_) return
    event.preventDefault()
    choose((chosen + step_ + count) % count)
    grid.children[chosen].focus()
  })
  // Colours come from the style of a canvas, so they are painted once they are on the page.
  requestAnimationFrame(() => {
    for (const [index, button] of [...grid.children].entries()) paintPlane(button.firstChild, plane(index), width, height, step)
    paintDigit(digit, bytes(story.seen))
    choose(0)
  })
  const pair = element('figure', { className: 'pair' },
    element('div', { className: 'over' }, digit, frame), element('div', { className: 'over' }, large, dot), caption)
  return element('div', { className: 'planes' }, pair, grid)
}

function tenBars(numbers, last) {
  const most = last ? 1 : Math.max(...numbers.map(Math.abs))
  const best = numbers.indexOf(Math.max(...numbers))
  return element('ol', { className: `bars${last ? '' : ' signed'}`, ariaLabel: last ? 'Probability of each digit' : 'Evidence for each digit' },
    ...numbers.map((value, digit) => {
      const fill = element('span', { className: `fill${value < 0 ? ' minus' : ''}` })
      fill.style.transform = `scaleX(${Math.abs(value) / most})`
      return element('li', { className: digit === best ? 'best' : '' }, element('span', { className: 'digit' }, String(digit)),
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
  const values = Uint8Array.from({ length: rows * columns }, (_, index) => (255 * ((numbers[index] ?? 0) - low)) / (most - low))
  requestAnimationFrame(() => paintPlane(canvas, values, columns, rows, { low, high: most }))
  return canvas
}
