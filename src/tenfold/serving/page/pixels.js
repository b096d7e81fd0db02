// Small grids of numbers as pictures, in the colours that the theme gives their canvas.

// The bytes that the service sends as base64.
export const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number)

const mix = (from, to, share) => from.map((value, index) => value + (to[index] - value) * share)

function colours(canvas) {
  const style = getComputedStyle(canvas)
  const named = (name) => channels(style.getPropertyValue(name))
  return {
    paper: channels(style.backgroundColor),
    ink: channels(style.color),
    for: named('--for-rgb'),
    against: named('--against-rgb'),
  }
}

function paint(canvas, width, height, colour) {
  canvas.width = width
  canvas.height = height
  const image = new ImageData(width, height)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const [red, green, blue] = colour(x, y)
      image.data.set([red, green, blue, 255], at)
    }
  }
  canvas.getContext('2d').putImageData(image, 0, 0)
}

// The 28 x 28 that the network sees: 0 is paper, 255 ink.
export function paintDigit(canvas, pixels) {
  const { paper, ink } = colours(canvas)
  paint(canvas, 28, 28, (x, y) => mix(paper, ink, pixels[28 * y + x] / 255))
}

// `map`: { height, width, first, step, size, values } in the answer's evidence; drawn at four times the pixels,
// as a map is smoother than a digit.
export function paintEvidence(canvas, pixels, map) {
  const { paper, ink, for: plus, against: minus } = colours(canvas)
  const zoom = 4
  const most = Math.max(1e-6, ...map.values.flat().map(Math.abs))
  const middle = map.first + (map.size - 1) / 2 // of what the first cell sees
  const smooth = (x, y) => {
    const [column, row] = [(x - middle) / map.step, (y - middle) / map.step]
    return bilinear(map.values, Math.max(0, column), Math.max(0, row)) / most
  }
  paint(canvas, 28 * zoom, 28 * zoom, (x, y) => {
    const share = smooth((x + 0.5) / zoom - 0.5, (y + 0.5) / zoom - 0.5)
    const tinted = mix(paper, share > 0 ? plus : minus, Math.min(1, Math.abs(share)) ** 0.8)
    return mix(tinted, ink, (0.8 * pixels[28 * Math.floor(y / zoom) + Math.floor(x / zoom)]) / 255)
  })
}

function bilinear(rows, x, y) {
  const [bottom, right] = [rows.length - 1, rows[0].length - 1]
  const [left, top] = [Math.min(right, Math.floor(x)), Math.min(bottom, Math.floor(y))]
  const [u, v] = [Math.min(x, right) - left, Math.min(y, bottom) - top]
  const at = (row, column) => rows[Math.min(bottom, row)][Math.min(right, column)]
  return (1 - v) * ((1 - u) * at(top, left) + u * at(top, left + 1)) +
    v * ((1 - u) * at(top + 1, left) + u * at(top + 1, left + 1))
}

// One plane of a layer: `values` are bytes that stand for low to high; above zero is ink, below it blue. A plane
// that found little is drawn stronger, up to FAINT of the strongest in its layer.
const FAINT = 0.3

export function paintPlane(canvas, values, width, height, { low, high }) {
  const { paper, ink, against } = colours(canvas)
  const real = Float32Array.from(values, (value) => low + (value * (high - low)) / 255)
  const own = real.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const most = Math.max(own, FAINT * Math.max(-low, high), 1e-6)
  paint(canvas, width, height, (x, y) => {
    const value = real[width * y + x] / most
    return mix(paper, value < 0 ? against : ink, Math.min(1, Math.abs(value)))
  })
}

let known = null

// The ten examples lie side by side in one file. Their ink becomes the alpha, for any colour of paper. Rejects where the
// service does not give them.
export const examples = () => (known ??= load())

async function load() {
  const file = await fetch('/page/examples.png')
  if (!file.ok) throw new Error('There are no examples.')
  const strip = await createImageBitmap(await file.blob())
  return Promise.all([...Array(10).keys()].map((digit) => {
    const canvas = new OffscreenCanvas(28, 28)
    const context = canvas.getContext('2d')
    context.drawImage(strip, -28 * digit, 0)
    const image = context.getImageData(0, 0, 28, 28)
    for (let at = 0; at < image.data.length; at += 4) {
      image.data[at + 3] = image.data[at]
    }
    context.putImageData(image, 0, 0)
    return canvas
  }))
}
