// The view that draws: each stroke is answered, and so is what is there of it while it is drawn.

import { fillBars, makeBars } from './bars.js'
import { bytes, examples, paintDigit, paintEvidence } from './pixels.js'
import { ask, model } from './service.js'
import { Sheet } from './sheet.js'
import { digitButtons, save, saved } from './teach.js'
import { byId, element, percent, say, trouble, why } from './words.js'

export let sheet
let answer = null
let asked = 0 // requests, in their order
let shown = 0 // answers to it and to earlier ones are no longer wanted
let running = 0
let again = null // what changed while a request was under way

export function start() {
  sheet = new Sheet(byId('sheet'))
  makeBars(byId('bars'))
  clear()
  sheet.addEventListener('change', ({ detail }) => changed(detail.drawing))
  sheet.addEventListener('example', ({ detail }) => byId('examples').children[detail]?.click())
  for (const name of ['undo', 'redo', 'clear']) byId(name).addEventListener('click', () => sheet[name]())
  sheet.width = Number(byId('width').value) // which a browser may have kept over a reload
  byId('width').addEventListener('input', (event) => { sheet.width = Number(event.target.value) })
  addEventListener('keydown', shortcut)
  document.addEventListener('modelchange', () => { shown = asked; changed(false) })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { sheet.draw(); paint() })
  digitButtons(byId('teach-digits'), teach, (digit) => `It is ${digit}`)
  return offerExamples(byId('examples'))
}

// Buttons with an example each; `then` runs after one was taken.
export async function offerExamples(group, then = showSheet) {
  for (const [digit, picture] of (await examples().catch(() => [])).entries()) {
    const canvas = element('canvas', { width: 28, height: 28, ariaHidden: 'true' })
    const button = element('button', { type: 'button', ariaLabel: `Example of ${digit}` }, canvas)
    const draw = () => {
      const context = canvas.getContext('2d')
      context.globalCompositeOperation = 'copy'
      context.drawImage(picture, 0, 0)
      context.globalCompositeOperation = 'source-in'
      context.fillStyle = getComputedStyle(button).color
      context.fillRect(0, 0, 28, 28)
    }
    group.append(button) // its colour is known once it is on the page
    draw()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
    button.addEventListener('click', () => { sheet.clear(); sheet.take(picture); then() })
  }
}

function showSheet() { // on a phone it is out of sight of the examples
  byId('sheet').focus({ preventScroll: true })
  byId('sheet').scrollIntoView({ block: 'nearest' })
}

function shortcut(event) {
  if (byId('view-draw').hidden || !(event.ctrlKey || event.metaKey) || event.altKey) return
  const key = event.key.toLowerCase()
  if (key !== 'z' && key !== 'y') return
  event.preventDefault()
  if (key === 'y' || event.shiftKey) sheet.redo()
  else sheet.undo()
}

function changed(drawing) {
  byId('undo').disabled = !sheet.canUndo
  byId('redo').disabled = !sheet.canRedo
  byId('clear').disabled = sheet.blank
  byId('sheet-hint').hidden = !sheet.blank
  if (sheet.blank) {
    again = null
    shown = asked
    clear()
  } else look({ drawing, since: performance.now() })
}

// One request at a time while a stroke goes on: what is drawn meanwhile is asked once, as it is then. The end of
// the stroke waits for none, and an answer that a later one has overtaken is not shown. Of a full service only the latest
// goes on asking.
async function look(request) {
  if (running && request.drawing) {
    again = request
    return
  }
  again = null
  running += 1
  const number = ++asked
  const latest = () => number === asked && number > shown
  const waiting = () => {
    if (latest()) clear('Waiting', 'The service is at its limit; it is asked again.')
    return latest()
  }
  try {
    const body = await sheet.picture().convertToBlob({ type: 'image/png' })
    const found = await ask('/page/look', { body, waiting })
    if (number > shown) {
      shown = number
      show(found, request)
      trouble(null, 'draw')
    }
  } catch (error) {
    if (latest()) { // an answer to what was there before would be taken for one to this
      shown = number
      clear('No answer', 'The next stroke asks again.')
      trouble(error, 'draw')
    }
  }
  running -= 1
  if (again && !running) look(again)
}

function clear(sure = 'Nothing drawn yet', why = 'The answer appears here while you draw.') {
  answer = null
  byId('verdict').dataset.state = 'empty'
  byId('numeral').textContent = '?'
  byId('sure').textContent = sure
  byId('why').textContent = why
  byId('milliseconds').textContent = ''
  byId('teach').hidden = true
  fillBars(byId('bars'), null)
  paint()
}

function show(found, { drawing, since }) {
  answer = found
  const threshold = model()?.threshold ?? 0
  byId('verdict').dataset.state = found.unsure ? 'unsure' : 'sure'
  byId('numeral').textContent = found.reason === 'blank' ? '?' : found.label
  byId('sure').textContent = found.unsure ? 'Unsure' : `${percent(found.confidence)} sure`
  byId('why').textContent = found.unsure ? why(found, threshold) : runnerUp(found)
  fillBars(byId('bars'), found.probabilities, found.label)
  paint()
  byId('teach').hidden = drawing
  if (drawing || again) return
  byId('teach-note').textContent = 'It is saved in a folder of yours, to measure on or to learn from.'
  for (const button of byId('teach-digits').children) button.setAttribute('aria-pressed', 'false')
  const took = performance.now() - since
  byId('verdict').dataset.milliseconds = took.toFixed(1)
  byId('milliseconds').textContent = `Answered in ${took.toFixed(0)} ms by ${model()?.name ?? 'the model'}.`
  const head = found.unsure ? 'Unsure.' : `${found.label}, ${percent(found.confidence)} sure.`
  say(`${head} ${byId('why').textContent}`)
}

function runnerUp({ probabilities, label }) {
  const others = probabilities.map((share, digit) => [digit === label ? -1 : share, digit])
  const [share, digit] = others.sort((a, b) => b[0] - a[0])[0]
  return share < 0.001 ? 'Nothing else comes near.' : `Next comes ${digit}, at ${percent(share)}.`
}

function paint() {
  const [seen, evidence] = [byId('seen'), byId('evidence')]
  const pixels = answer ? bytes(answer.seen) : new Uint8Array(784)
  paintDigit(seen, pixels)
  if (answer?.evidence) paintEvidence(evidence, pixels, answer.evidence)
  else paintDigit(evidence, pixels)
  seen.setAttribute('aria-label', `What the network sees: ${answer ? 'your digit in 28 by 28 pixels' : 'nothing yet'}`)
  const looked = answer?.evidence ? place(answer.evidence.values) : answer ? 'this model cannot tell' : 'nothing yet'
  evidence.setAttribute('aria-label', `Where it looked: ${looked}`)
}

// The heaviest place of the map in words, for those who cannot see it.
function place(rows) {
  const flat = rows.flatMap((row, y) => row.map((value, x) => ({ value, x, y })))
  const { x, y } = flat.reduce((best, each) => (each.value > best.value ? each : best))
  const third = (at, length, names) => names[Math.min(2, Math.floor((3 * at) / length))]
  const down = third(y, rows.length, ['top', 'middle', 'bottom'])
  return `mostly at the ${down} ${third(x, rows[0].length, ['left', 'centre', 'right'])}`
}

async function teach(digit) {
  const note = byId('teach-note')
  const number = asked
  try {
    const sentence = saved(await save(sheet.picture(), digit))
    if (number === asked) { // else another drawing is there by now
      note.textContent = sentence
      for (const [each, button] of [...byId('teach-digits').children].entries()) {
        button.setAttribute('aria-pressed', String(each === digit))
      }
    }
    say(`Saved as ${digit}.`)
  } catch (error) {
    note.textContent = error.message
    say(error.message)
  }
}
