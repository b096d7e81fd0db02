// One picture that was read: its boxes, its lines of text beside it, and the digits that people set right.

import { doubtful, lines } from './export.js'
import { crop, digitButtons } from './teach.js'
import { because, byId, element, percent, say, times } from './words.js'

const ZOOM = 1.5 // a step
const MOST = 12

let current = null // { reading, digit }: what the panel is about

export class Reading {
  #zoom = 1
  #changed
  #before = [] // digits that were set right, each { digit, label, checked, removed } as it was
  picture = null
  model = null // that read it, as the service describes it
  lines = []
  finished = false
  failed = false

  // `changed` is called when it was read and when a digit was set right.
  constructor(file, changed) {
    this.file = file
    this.#changed = changed
    this.status = element('p', { className: 'status' }, 'Waiting …')
    this.plane = element('div', { className: 'plane' })
    this.viewer = element('div', { className: 'viewer', tabIndex: 0, role: 'group', hidden: true }, this.plane)
    this.viewer.setAttribute('aria-label', `${file}, picture; arrow keys scroll it when it is enlarged`)
    this.viewer.addEventListener('wheel', (event) => this.#wheel(event), { passive: false })
    this.text = element('ol', { className: 'lines', ariaLabel: `Digits on ${file}` })
    this.undoing = this.#tool('Undo', 'Undo the last correction', () => this.undo())
    this.tools = element('div', { className: 'tools zoom', role: 'group', ariaLabel: 'Picture', hidden: true },
      this.#tool('−', 'Smaller', () => this.zoom(this.#zoom / ZOOM)),
      this.#tool('+', 'Larger', () => this.zoom(this.#zoom * ZOOM)),
      this.#tool('Fit', 'Whole picture', () => this.zoom(1)), this.undoing)
    const title = element('h2', {}, file)
    this.article = element('article', { className: 'reading' },
      element('div', { className: 'shown' }, this.viewer, this.tools),
      element('div', { className: 'said' }, title, this.status, this.text))
    this.text.addEventListener('keydown', (event) => this.#key(event))
    this.article.addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'z') return
      event.preventDefault()
      this.undo()
    })
  }

  #tool(text, label, act) {
    const button = element('button', { type: 'button', ariaLabel: label }, text)
    button.addEventListener('click', act)
    return button
  }

  fail(sentence) {
    this.failed = true
    this.article.classList.add('failed')
    this.status.textContent = sentence
  }

  show(answer, model, picture, scale) {
    this.finished = true
    this.model = model
    this.picture = picture
    this.scale = scale
    this.unsure = answer.unsure
    this.reason = answer.reason
    let at = 0
    this.lines = answer.text.split('\n').map((line) => [...line].map(() => {
      const digit = answer.digits[at++]
      return { ...digit, read: digit.label, checked: false, removed: false }
    }))
    this.viewer.hidden = this.tools.hidden = false
    const canvas = element('canvas', { width: picture.width, height: picture.height, role: 'img' })
    canvas.setAttribute('aria-label', `The picture ${this.file}`)
    canvas.getContext('2d').drawImage(picture, 0, 0)
    this.plane.style.setProperty('--ratio', picture.width / picture.height)
    this.plane.append(canvas)
    for (const digit of this.lines.flat()) this.#place(digit)
    this.zoom(1)
    this.write()
    this.#changed()
  }

  // A box on the picture for those who point, a character in the text for all.
  #place(digit) {
    const [x, y, width, height] = digit.box
    digit.mark = element('div', { className: 'box', ariaHidden: 'true' }, element('span'))
    const share = (length, whole) => `${(100 * length) / whole}%`
    digit.mark.style.left = share(x, this.picture.width)
    digit.mark.style.top = share(y, this.picture.height)
    digit.mark.style.width = share(width, this.picture.width)
    digit.mark.style.height = share(height, this.picture.height)
    digit.mark.addEventListener('click', () => open(this, digit, digit.mark))
    digit.character = element('button', { type: 'button', tabIndex: -1 })
    digit.character.addEventListener('click', () => open(this, digit, digit.character))
    digit.character.addEventListener('focus', () => this.#focused(digit))
    digit.character.addEventListener('blur', () => digit.mark.classList.remove('here'))
    digit.character.addEventListener('pointerenter', () => digit.mark.classList.add('here'))
    digit.character.addEventListener('pointerleave', () => digit.mark.classList.remove('here'))
    this.plane.append(digit.mark)
  }

  #focused(digit) {
    for (const each of this.lines.flat()) each.character.tabIndex = each === digit ? 0 : -1
    digit.mark.classList.add('here')
    if (this.#zoom > 1) digit.mark.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  write() {
    const left = lines(this)
    const digits = left.flat()
    for (const digit of this.lines.flat()) {
      const state = digit.label !== digit.read ? 'corrected' : doubtful(digit) ? 'unsure' : 'sure'
      digit.mark.hidden = digit.removed
      for (const shown of [digit.mark, digit.character]) shown.dataset.state = state
      digit.mark.firstChild.textContent = digit.character.textContent = digit.label
      const place = `${digits.indexOf(digit) + 1} of ${digits.length}`
      const confidence = percent(digit.confidence)
      const notes = { corrected: `corrected from ${digit.read}`, unsure: `unsure, ${confidence}`, sure: confidence }
      digit.character.setAttribute('aria-label', `${digit.label}, ${notes[state]}, digit ${place}`)
      digit.character.title = digit.mark.title = notes[state]
    }
    this.text.replaceChildren(...left.map((line) => element('li', {}, ...line.map((digit) => digit.character))))
    if (digits.length && !digits.some((digit) => digit.character.tabIndex === 0)) digits[0].character.tabIndex = 0
    this.status.textContent = this.#summary(digits)
    this.undoing.disabled = !this.#before.length
  }

  #summary(digits) {
    if (!digits.length) return 'No digits were found on it.'
    const left = digits.filter(doubtful).length
    const found = `${times(digits.length, 'digit')} on ${times(lines(this).length, 'line')}, read by ${this.model.name}`
    if (this.reason && this.reason !== 'low confidence') return `${found}. ${because(this.reason)}`
    return left ? `${found}; look at ${left === 1 ? 'the one' : `the ${left}`} in orange.` : `${found}.`
  }

  // A digit is what `label` says; null: it is none.
  correct(digit, label) {
    this.#before.push({ digit, label: digit.label, checked: digit.checked, removed: digit.removed })
    if (label === null) digit.removed = true
    else Object.assign(digit, { label, checked: true })
    this.write()
    this.#changed()
    say(label === null ? `${digit.label} removed.` : `It is ${label} now.`)
  }

  // The last correction never was; the focus goes to its digit.
  undo() {
    if (!this.#before.length) return
    const { digit, ...was } = this.#before.pop()
    Object.assign(digit, was)
    this.write()
    this.#changed()
    digit.character.focus()
    say(`Undone: it is ${digit.label} again.`)
  }

  zoom(factor) {
    const { viewer } = this
    const before = this.#zoom
    this.#zoom = Math.min(MOST, Math.max(1, factor))
    const centre = [viewer.scrollLeft + viewer.clientWidth / 2, viewer.scrollTop + viewer.clientHeight / 2]
    this.plane.style.setProperty('--zoom', this.#zoom)
    const grown = this.#zoom / before
    viewer.scrollTo(centre[0] * grown - viewer.clientWidth / 2, centre[1] * grown - viewer.clientHeight / 2)
  }

  #wheel(event) {
    if (!event.ctrlKey) return // the page scrolls; a pinch on a touchpad comes with Control
    event.preventDefault()
    this.zoom(this.#zoom * Math.exp(-event.deltaY / 100))
  }

  #key(event) {
    const left = lines(this)
    const row = left.findIndex((line) => line.some((digit) => digit.character === event.target))
    if (row < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const column = left[row].findIndex((digit) => digit.character === event.target)
    const all = left.flat()
    const at = all.indexOf(left[row][column])
    const beside = (line) => line && line[Math.min(column, line.length - 1)]
    const target = {
      ArrowLeft: all[at - 1], ArrowRight: all[at + 1], Home: all[0], End: all.at(-1),
      ArrowUp: beside(left[row - 1]), ArrowDown: beside(left[row + 1]),
    }
    if (event.key in target) target[event.key]?.character.focus()
    else if (/^[0-9]$/.test(event.key)) {
      this.correct(all[at], Number(event.key))
      ;(all[at + 1] ?? all[at]).character.focus()
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.correct(all[at], null)
      ;((all[at + 1] ?? all[at - 1])?.character ?? this.viewer).focus()
    } else return
    event.preventDefault()
  }
}

// The panel beside a digit: what it was read as, and ten buttons to say what it is.
export function start() {
  digitButtons(byId('correct-digits'), (digit) => decide(digit))
  byId('correct-none').addEventListener('click', () => decide(null))
  byId('correct-close').addEventListener('click', () => byId('correct').hidePopover())
  byId('correct').addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (/^[0-9]$/.test(event.key)) decide(Number(event.key))
  })
  byId('correct').addEventListener('toggle', (event) => {
    if (event.newState !== 'closed' || !current) return
    const [first] = lines(current.reading).flat()
    const next = current.digit.removed ? first : current.digit
    ;(next?.character ?? current.reading.viewer).focus({ preventScroll: true })
  })
}

function decide(label) {
  current.reading.correct(current.digit, label)
  byId('correct').hidePopover()
}

function open(reading, digit, beside) {
  current = { reading, digit }
  const image = crop(reading.picture, digit.box)
  const canvas = byId('correct-crop')
  canvas.width = image.width
  canvas.height = image.height
  canvas.getContext('2d').drawImage(image, 0, 0)
  const others = digit.alternatives.map(([label, share]) => `${label} at ${percent(share)}`).join(', ')
  const least = reading.model.threshold
  const shortfall = digit.confidence < least ? `, below the ${percent(least)} that it takes to be sure` : ', unlike a digit'
  const doubt = digit.unsure ? shortfall : ''
  byId('correct-note').textContent =
    `Read as ${digit.read}, ${percent(digit.confidence)}${doubt}.${others ? ` Else ${others}.` : ''}`
  for (const [each, button] of [...byId('correct-digits').children].entries()) {
    button.setAttribute('aria-pressed', String(each === digit.label))
  }
  const panel = byId('correct')
  panel.showPopover()
  const [place, size] = [beside.getBoundingClientRect(), panel.getBoundingClientRect()]
  const fit = (at, length, whole) => Math.max(8, Math.min(at, whole - length - 8))
  const below = place.bottom + 8 + size.height < innerHeight
  panel.style.left = `${fit(place.left + place.width / 2 - size.width / 2, size.width, innerWidth)}px`
  panel.style.top = `${fit(below ? place.bottom + 8 : place.top - size.height - 8, size.height, innerHeight)}px`
  byId('correct-digits').children[digit.label].focus({ preventScroll: true })
}
