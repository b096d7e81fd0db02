// Taking a photograph: with the camera's own program on a telephone, else through the browser.

import { byId, trouble } from './words.js'

// `taken(files)` is called with the photograph.
export function start(taken) {
  byId('photograph').addEventListener('click', () => open().catch(instead))
  byId('shut').addEventListener('click', () => byId('viewfinder').close())
  byId('viewfinder').addEventListener('close', stop)
  byId('shoot').addEventListener('click', async () => {
    const video = byId('video')
    if (!video.videoWidth) return // it is only starting
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
    canvas.getContext('2d').drawImage(video, 0, 0)
    byId('viewfinder').close()
    const picture = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 })
    taken([new File([picture], 'photograph.jpg', { type: picture.type })])
  })
}

// Rejects where there is no camera, or it is not allowed: then a file can still be chosen.
async function open() {
  trouble(null)
  if (matchMedia('(pointer: coarse)').matches) throw new Error('a telephone has a better one')
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, facingMode: 'environment' } })
  stop() // what an earlier press has opened
  byId('video').srcObject = stream
  if (byId('view-read').hidden) stop() // left while the browser asked whether the camera may be used
  else byId('viewfinder').showModal()
}

function instead({ name }) {
  if (name === 'NotAllowedError') trouble(new Error('The camera is not allowed; choose a picture instead.'), 'read')
  else byId('camera').click()
}

function stop() {
  for (const track of byId('video').srcObject?.getTracks() ?? []) track.stop()
  byId('video').srcObject = null
}
