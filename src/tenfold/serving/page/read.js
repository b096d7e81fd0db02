// The view that reads photographs: several at once, each with its boxes, its text and its corrections.

import { start as camera } from './camera.js'
import { csv, download, json, lines, text } from './export.js'
import { fitting } from './photograph.js'
import { Reading } from './reading.js'
import { ask, model, models } from './service.js'
import { crop, save, saved } from './teach.js'
import { byId, element, say, times } from './words.js'

const AT_ONCE = 2 // pictures on their way; the service has its own queue

const readings = []
let waiting = []
let working = 0
let done = 0

export function start() {
  for (const id of ['files', 'camera']) {
    byId(id).addEventListener('change', (event) => {
      take(event.target.files)
      event.target.value = '' // the same file may be chosen again
    })
  }
  camera(take)
  addEventListener('paste', (event) => take(event.clipboardData?.files ?? []))
  addEventListener('dragover', (event) => { event.preventDefault(); byId('drop').classList.add('over') })
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) byId('drop').classList.remove('over') })
  addEventListener('drop', (event) => {
    event.preventDefault()
    byId('drop').classList.remove('over')
    take(event.dataTransfer.files)
  })
  byId('known').addEventListener('submit', (event) => event.preventDefault())
  byId('copy').addEventListener('click', copy)
  byId('csv').addEventListener('click', () => download('tenfold.csv', csv(finished()), 'text/csv'))
  byId('json').addEventListener('click', () => download('tenfold.json', json(finished()), 'application/json'))
  byId('save-corrected').addEventListener('click', () => keep(corrected()))
  byId('save-all').addEventListener('click', () => keep(everything()))
  byId('remove-all').addEventListener('click', removeAll)
}

// Reads `files`, wherever they were dropped or pasted: the view comes to the front.
function take(files) {
  const pictures = [...files]
  if (!pictures.length) return
  location.hash = '#read'
  for (const file of pictures) {
    const reading = new Reading(file.name || 'pasted picture', progress)
    readings.push(reading)
    byId('readings').append(reading.article)
    waiting.push([reading, file, known()])
  }
  progress()
  while (working < AT_ONCE && waiting.length) work()
}

async function work() {
  working++
  while (waiting.length) {
    const [reading, file, expected] = waiting.shift()
    try {
      const { body, picture, scale } = await fitting(file, models.limits)
      const by = model() // another may be chosen while it reads
      reading.show(await ask('/v1/read', { body, query: expected }), by, picture, scale)
    } catch (error) {
      reading.fail(error.message)
    }
    if (!readings.includes(reading)) continue // removed meanwhile
    done++
    progress()
  }
  working--
  if (!working && done) say(`${byId('progress-text').textContent}. ${times(everything().length, 'digit')} found.`)
}

// What the form says of the digits, as it is: what is not sound, the service says of each picture.
const known = () => Object.fromEntries(new FormData(byId('known')))

function progress() {
  const total = readings.length
  byId('batch').hidden = total === 0
  byId('progress').max = Math.max(1, total)
  byId('progress').value = done
  byId('progress').hidden = done === total
  const failed = readings.filter((reading) => reading.failed).length
  byId('progress-text').textContent = done < total ? `${done} of ${times(total, 'picture')} read`
    : `${times(total - failed, 'picture')} read${failed ? `, ${failed} not` : ''}`
  const changes = corrected().length
  byId('save-corrected').disabled = changes === 0
  byId('save-corrected').textContent = changes ? `Save ${times(changes, 'corrected digit')}` : 'Save corrected digits'
  const any = finished().some((reading) => lines(reading).length)
  for (const id of ['copy', 'csv', 'json', 'save-all']) byId(id).disabled = !any
}

const finished = () => readings.filter((reading) => reading.finished)

const everything = () => finished().flatMap((reading) => lines(reading).flat().map((digit) => [reading, digit]))

const corrected = () => everything().filter(([, digit]) => digit.label !== digit.read)

async function copy() {
  const all = finished().map(text).join('\n\n')
  const copied = await navigator.clipboard?.writeText(all).then(() => true, () => false) || copiedByCommand(all)
  remark(copied ? 'The text is on the clipboard.'
    : 'The browser does not allow it; the text can be selected and copied by hand.')
}

// Over plain HTTP, as a telephone has it from a computer, browsers have no other way.
function copiedByCommand(content) {
  const field = element('textarea', { className: 'hidden', value: content })
  byId('copy').after(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  byId('copy').focus()
  return copied
}

async function keep(digits) {
  try {
    let last
    for (const [index, [reading, digit]] of digits.entries()) {
      remark(`Saving ${index + 1} of ${digits.length} …`, false)
      last = await save(crop(reading.picture, digit.box), digit.label)
    }
    if (last) remark(saved(last))
  } catch (error) {
    remark(error.message)
  }
}

function remark(sentence, aloud = true) {
  byId('batch-note').textContent = sentence
  if (aloud) say(sentence)
}

function removeAll() {
  waiting = []
  readings.length = done = 0
  byId('readings').replaceChildren()
  remark('')
  progress()
  byId('files').focus()
}
