// The maps of one layer: all of them small, one large, and on the digit the part that its marked place sees.

import { bytes, paintDigit, paintPlane } from './pixels.js'
import { element, say } from './words.js'

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

export class Maps {
  #chosen = 0

  // `step` is one of /page/steps with its planes, `seen` the digit's pixels.
  constructor(step, seen) {
    this.step = step
    ;[this.count, this.height, this.width] = step.shape
    this.planes = bytes(step.planes)
    this.place = { x: Math.floor(this.width / 2), y: Math.floor(this.height / 2) }
    this.digit = element('canvas', { className: 'large', role: 'img', ariaLabel: 'Your digit; a frame marks what the place looks at' })
    this.large = element('canvas', { className: 'large', tabIndex: 0, role: 'application' })
    this.frame = element('div', { className: 'field' })
    this.cell = element('div', { className: 'field cell' })
    this.caption = element('figcaption')
    const small = Array.from({ length: this.count }, (_, index) => this.#button(index))
    this.grid = element('div', { className: 'maps', role: 'group', ariaLabel: 'Maps of this layer' }, ...small)
    this.element = element('div', { className: 'planes' }, this.#figure(), this.grid)
    for (const kind of ['pointerdown', 'pointermove']) this.large.addEventListener(kind, (event) => this.#pointed(event))
    this.large.addEventListener('keydown', (event) => this.#moved(event))
    this.grid.addEventListener('keydown', (event) => this.#turned(event))
    requestAnimationFrame(() => this.#paint(seen)) // colours are those of a canvas on the page
  }

  #button(index) {
    const button = element('button', { type: 'button', ariaLabel: `Map ${index + 1}` }, element('canvas', { ariaHidden: 'true' }))
    button.addEventListener('click', () => this.choose(index))
    return button
  }

  #figure() {
    const over = (...parts) => element('div', { className: 'over' }, ...parts)
    return element('figure', { className: 'pair' }, over(this.digit, this.frame), over(this.large, this.cell), this.caption)
  }

  #paint(seen) {
    for (const [index, button] of [...this.grid.children].entries()) this.#paintPlane(button.firstChild, index)
    paintDigit(this.digit, seen)
    this.choose(0)
  }

  #paintPlane(canvas, index) {
    const size = this.height * this.width
    paintPlane(canvas, this.planes.subarray(index * size, (index + 1) * size), this.width, this.height, this.step)
  }

  choose(index) {
    this.#chosen = index
    for (const [each, button] of [...this.grid.children].entries()) {
      button.setAttribute('aria-pressed', String(each === index))
      button.tabIndex = each === index ? 0 : -1
    }
    this.#paintPlane(this.large, index)
    this.#mark()
  }

  #move(x, y) {
    this.place = { x: Math.max(0, Math.min(this.width - 1, x)), y: Math.max(0, Math.min(this.height - 1, y)) }
    this.#mark()
  }

  // The place on the map, and its field on the digit.
  #mark() {
    const { x, y } = this.place
    const { first, step, size } = this.step.field
    outline(this.frame, 28, first + step * x, first + step * y, size)
    outline(this.cell, Math.max(this.width, this.height), x, y, 1)
    const part = size >= 28 ? 'nearly all of the digit' : `${size} × ${size} pixels of the digit`
    this.caption.textContent = `Map ${this.#chosen + 1} of ${this.count}. The marked place sees ${part}.`
    this.large.setAttribute('aria-label', `Map ${this.#chosen + 1}, row ${y + 1}, column ${x + 1}`)
  }

  #pointed({ clientX, clientY }) {
    const box = this.large.getBoundingClientRect()
    const [across, down] = [(clientX - box.left) / box.width, (clientY - box.top) / box.height]
    this.#move(Math.floor(across * this.width), Math.floor(down * this.height))
  }

  #moved(event) {
    if (!(event.key in ARROWS)) return
    event.preventDefault()
    this.#move(this.place.x + ARROWS[event.key][0], this.place.y + ARROWS[event.key][1])
    say(`Row ${this.place.y + 1}, column ${this.place.x + 1}`)
  }

  #turned(event) {
    if (!(event.key in ARROWS)) return
    event.preventDefault()
    const [across, down] = ARROWS[event.key]
    this.choose((this.#chosen + across + down + this.count) % this.count)
    this.grid.children[this.#chosen].focus()
  }
}

// A square at x, y of a picture with `whole` pixels a side, as far as it lies within.
function outline(box, whole, x, y, length) {
  const within = (at) => Math.max(0, Math.min(whole, at))
  const share = (at) => `${(100 * at) / whole}%`
  box.style.left = share(within(x))
  box.style.top = share(within(y))
  box.style.width = share(within(x + length) - within(x))
  box.style.height = share(within(y + length) - within(y))
}
