// The sheet to draw on: strokes of mouse, finger, pen and keyboard, undone and done again, as a picture.

import { say } from './words.js'

const SIDE = 280 // units of the sheet: ten to a pixel of the network's
const STRIDE = 14 // units that an arrow key moves the pen
const FINE_STRIDE = 3

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

export class Sheet extends EventTarget {
  #canvas
  #marks = [] // strokes, each { points, width }, and pictures, each { picture }
  #undone = []
  #stroke = null
  #pointer = null
  #pen = { x: SIDE / 2, y: SIDE / 2, down: false, shown: false }
  #held = new Set()
  #asked = false
  width = 18

  constructor(canvas) {
    super()
    this.#canvas = canvas
    canvas.addEventListener('pointerdown', (event) => this.#down(event))
    canvas.addEventListener('pointermove', (event) => this.#move(event))
    canvas.addEventListener('pointerup', (event) => this.#up(event))
    canvas.addEventListener('pointercancel', (event) => this.#up(event))
    canvas.addEventListener('keydown', (event) => this.#key(event))
    canvas.addEventListener('keyup', (event) => this.#held.delete(event.key))
    canvas.addEventListener('blur', () => this.#leave())
    new ResizeObserver(() => this.draw()).observe(canvas)
  }

  get blank() { return this.#shown.length === 0 && !this.#stroke }
  get canUndo() { return this.#marks.length > 0 }
  get canRedo() { return this.#undone.length > 0 }

  undo() {
    this.#lift()
    if (this.canUndo) this.#undone.push(this.#marks.pop())
    this.#changed()
  }

  redo() {
    if (this.canRedo) this.#marks.push(this.#undone.pop())
    this.#changed()
  }

  // Clearing can be undone: it is a mark of its own that hides what lies below.
  clear() {
    this.#lift()
    if (this.#shown.length) this.#add({ blank: true })
  }

  take(picture) {
    this.#add({ picture })
  }

  // Dark on white in SIDE x SIDE, whatever the screen's size and theme: the picture that is read.
  picture() {
    const canvas = new OffscreenCanvas(SIDE, SIDE)
    this.#paint(canvas.getContext('2d', { willReadFrequently: true }), '#fff', '#000')
    return canvas
  }

  draw() {
    if (this.#asked) return
    this.#asked = true
    requestAnimationFrame(() => {
      this.#asked = false
      const side = Math.round(this.#canvas.clientWidth * devicePixelRatio)
      if (!side) return
      if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side
      const context = this.#canvas.getContext('2d')
      const style = getComputedStyle(this.#canvas)
      context.setTransform(side / SIDE, 0, 0, side / SIDE, 0, 0)
      this.#paint(context, style.backgroundColor, style.color)
      if (this.#pen.shown) this.#paintPen(context, style)
    })
  }

  get #shown() {
    return this.#marks.slice(this.#marks.findLastIndex((mark) => mark.blank) + 1)
  }

  #down(event) {
    if (!event.isPrimary || event.button !== 0 || this.#pointer !== null) return
    this.#lift()
    this.#pointer = event.pointerId
    try {
      this.#canvas.setPointerCapture(event.pointerId)
    } catch { /* an event that a script made has no pointer to hold */ }
    this.#pen.shown = false
    this.#stroke = { points: [this.#place(event)], width: this.width }
    this.#changed(true)
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return
    // Between two frames a pen reports several places; without them quick curves get corners.
    const events = event.getCoalescedEvents?.() ?? []
    for (const each of events.length ? events : [event]) this.#stroke.points.push(this.#place(each))
    this.#changed(true)
  }

  #up(event) {
    if (event.pointerId === this.#pointer) this.#finish()
  }

  #finish() {
    this.#pointer = null
    const stroke = this.#stroke
    this.#stroke = null
    if (stroke) this.#add(stroke)
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect()
    const pressure = event.pointerType === 'pen' && event.pressure > 0 ? 0.4 + 1.2 * event.pressure : 1
    return {
      x: ((event.clientX - box.left) / box.width) * SIDE,
      y: ((event.clientY - box.top) / box.height) * SIDE,
      pressure,
    }
  }

  #add(mark) {
    this.#marks.push(mark)
    this.#undone = []
    this.#changed()
  }

  #changed(drawing = false) {
    this.draw()
    this.dispatchEvent(new CustomEvent('change', { detail: { drawing } }))
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#pointer !== null) return
    if (event.key in ARROWS) this.#movePen(event)
    else if (event.key === ' ') this.#tapPen()
    else if (event.key === 'Escape') this.clear()
    else if (/^[0-9]$/.test(event.key)) this.dispatchEvent(new CustomEvent('example', { detail: Number(event.key) }))
    else return
    event.preventDefault()
  }

  #movePen(event) {
    this.#held.add(event.key)
    const stride = event.shiftKey ? FINE_STRIDE : STRIDE
    for (const key of this.#held) {
      const [x, y] = ARROWS[key]
      this.#pen.x = Math.min(SIDE, Math.max(0, this.#pen.x + x * stride))
      this.#pen.y = Math.min(SIDE, Math.max(0, this.#pen.y + y * stride))
    }
    this.#pen.shown = true
    if (this.#pen.down) {
      this.#stroke.points.push({ x: this.#pen.x, y: this.#pen.y, pressure: 1 })
      this.#changed(true)
    } else this.draw()
  }

  #tapPen() {
    this.#pen.shown = true
    this.#pen.down = !this.#pen.down
    say(this.#pen.down ? 'Pen down' : 'Pen up')
    if (this.#pen.down) {
      this.#stroke = { points: [{ x: this.#pen.x, y: this.#pen.y, pressure: 1 }], width: this.width }
      this.#changed(true)
    } else this.#finish()
  }

  // The stroke that the keyboard is drawing is done.
  #lift() {
    if (this.#pen.down) this.#tapPen()
  }

  #leave() {
    this.#held.clear()
    this.#lift()
    this.#pen.shown = false
    this.draw()
  }

  #paint(context, paper, ink) {
    context.fillStyle = paper
    context.fillRect(0, 0, SIDE, SIDE)
    context.fillStyle = context.strokeStyle = ink
    context.lineCap = context.lineJoin = 'round'
    for (const mark of [...this.#shown, ...(this.#stroke ? [this.#stroke] : [])]) {
      if (mark.picture) paintPicture(context, mark.picture, ink)
      else paintStroke(context, mark)
    }
  }

  #paintPen(context, style) {
    const { x, y, down } = this.#pen
    context.strokeStyle = style.outlineColor
    context.lineWidth = 2
    context.beginPath()
    context.arc(x, y, this.width / 2 + (down ? 2 : 5), 0, 2 * Math.PI)
    context.moveTo(x - 4, y)
    context.lineTo(x + 4, y)
    context.moveTo(x, y - 4)
    context.lineTo(x, y + 4)
    context.stroke()
  }
}

// Through the middles between points, as curves: corners of a quick hand come out round.
function paintStroke(context, { points, width }) {
  if (points.length === 1) {
    const [{ x, y, pressure }] = points
    context.beginPath()
    context.arc(x, y, (width * pressure) / 2, 0, 2 * Math.PI)
    context.fill()
    return
  }
  let [from] = points
  for (let index = 1; index < points.length; index++) {
    const [before, point] = [points[index - 1], points[index]]
    const last = index === points.length - 1
    const to = last ? point : { x: (before.x + point.x) / 2, y: (before.y + point.y) / 2 }
    context.lineWidth = (width * (before.pressure + point.pressure)) / 2
    context.beginPath()
    context.moveTo(from.x, from.y)
    context.quadraticCurveTo(before.x, before.y, to.x, to.y)
    context.stroke()
    from = to
  }
}

// `picture` is 28 x 28 with the ink in its alpha, so it takes any colour.
function paintPicture(context, picture, ink) {
  const coloured = new OffscreenCanvas(picture.width, picture.height)
  const inner = coloured.getContext('2d')
  inner.drawImage(picture, 0, 0)
  inner.globalCompositeOperation = 'source-in'
  inner.fillStyle = ink
  inner.fillRect(0, 0, picture.width, picture.height)
  context.imageSmoothingEnabled = true
  context.imageSmoothingQuality = 'high'
  context.drawImage(coloured, 0, 0, SIDE, SIDE)
}
