// A file -> the picture to show and the bytes to send, upright and within what the service takes.

import { bytes } from './pixels.js'
import { ask } from './service.js'

const SHRUNK = 2000 // pixels of the longer side of what is too large to send as it is
const QUALITY = 0.9
const TAKEN = ['', ...['png', 'jpeg', 'webp', 'bmp', 'gif', 'tiff'].map((kind) => `image/${kind}`)] // '' is not told

// { body, picture, scale }: `picture` shows what `body` holds, `scale` is the size of the file's over its.
// What fits is sent as it is, so that it is read as `tenfold read` reads it; AVIF, and HEIC in Safari, as JPEG.
export async function fitting(file, limits) {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' }).catch(() => null)
  if (!picture) return shownByTheService(file, limits)
  const pixels = picture.width * picture.height
  if (TAKEN.includes(file.type) && file.size <= limits.bytes && pixels <= limits.pixels) return { body: file, picture, scale: 1 }
  const zoom = Math.min(1, SHRUNK / Math.max(picture.width, picture.height), Math.sqrt(limits.pixels / pixels))
  const canvas = new OffscreenCanvas(Math.floor(picture.width * zoom) || 1, Math.floor(picture.height * zoom) || 1)
  const context = canvas.getContext('2d')
  context.fillStyle = '#fff' // a JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, 0, 0, canvas.width, canvas.height)
  const scale = picture.width / canvas.width
  picture.close() // 200 MB for what the largest telephones make
  return { body: await encoded(canvas, limits.bytes), picture: canvas, scale }
}

async function encoded(canvas, most) {
  for (let quality = QUALITY; ; quality -= 0.2) {
    const body = await canvas.convertToBlob({ type: 'image/jpeg', quality })
    if (body.size <= most || quality < 0.3) return body
  }
}

// Browsers do not show TIFF; the service reads it, and gives it as it sees it.
async function shownByTheService(file, limits) {
  if (file.size > limits.bytes) {
    throw new Error('This browser cannot show it, and it is too large to be sent as it is. Save it as JPEG or PNG.')
  }
  const body = await file.arrayBuffer().catch(() => {
    throw new Error('It cannot be opened: it is a folder, or has been moved or deleted.')
  })
  const { png } = await ask('/page/picture', { body, chosen: false })
  const picture = await createImageBitmap(new Blob([bytes(png)], { type: 'image/png' }))
  return { body, picture, scale: 1 }
}
