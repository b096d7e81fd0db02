// Corrections: pictures of single digits with their labels, which the service saves in the user's own folder.

import { ask } from './service.js'
import { element, times } from './words.js'

const LARGEST = 256 // pixels of a saved digit's longer side

// Ten buttons; `chosen(digit)` is called with the one that was pressed.
export function digitButtons(group, chosen, describe = (digit) => String(digit)) {
  for (let digit = 0; digit < 10; digit++) {
    const button = element('button', { type: 'button', ariaLabel: describe(digit) }, String(digit))
    button.addEventListener('click', () => chosen(digit))
    group.append(button)
  }
}

// `canvas` shows one digit, `label` says which. Gives the folder and how many it holds now.
export async function save(canvas, label) {
  const body = await canvas.convertToBlob({ type: 'image/png' })
  return ask('/page/corrections', { body, query: { label }, chosen: false })
}

export const saved = ({ folder, count }) =>
  `Saved in ${folder}, which holds ${times(count, 'digit')} now. ` +
  `tenfold evaluate --on ${folder} measures on them, tenfold train --data mnist --data ${folder} learns from them.`

// A digit with the paper around it, cut from a picture.
export function crop(picture, [x, y, width, height]) {
  const margin = 0.2 * Math.max(width, height)
  const left = Math.max(0, Math.floor(x - margin))
  const top = Math.max(0, Math.floor(y - margin))
  const right = Math.min(picture.width, Math.ceil(x + width + margin))
  const bottom = Math.min(picture.height, Math.ceil(y + height + margin))
  const zoom = Math.min(1, LARGEST / Math.max(right - left, bottom - top))
  const canvas = new OffscreenCanvas(Math.ceil((right - left) * zoom), Math.ceil((bottom - top) * zoom))
  const context = canvas.getContext('2d')
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, left, top, right - left, bottom - top, 0, 0, canvas.width, canvas.height)
  return canvas
}
