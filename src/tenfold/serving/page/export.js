// Readings as text, CSV and JSON, with corrections; and the ways out of the page.

const COLUMNS = ['file', 'line', 'place', 'digit', 'read_as', 'confidence', 'unsure', 'checked', 'x', 'y', 'width', 'height']

export const text = (reading) => lines(reading).map((line) => line.map((digit) => digit.label).join('')).join('\n')

// The digits of each line that are left, with what was corrected.
export const lines = (reading) =>
  reading.lines.map((line) => line.filter((digit) => !digit.removed)).filter((line) => line.length)

// What somebody should still look at: unsure, and neither confirmed nor corrected.
export const doubtful = (digit) => digit.unsure && !digit.checked

export function csv(readings) {
  const rows = readings.flatMap((reading) => lines(reading).flatMap((line, row) => line.map((digit, place) => [
    reading.file, row + 1, place + 1, digit.label, digit.read, digit.confidence.toFixed(4), doubtful(digit), digit.checked,
    ...onFile(reading, digit),
  ])))
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n'
}

// The box in pixels of the file, which may have been shrunk on its way.
const onFile = ({ scale }, { box }) => box.map((length) => Math.round(length * scale))

// A spreadsheet runs what begins with one of these, and a file may be named so.
function cell(value) {
  const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

// The fields of `tenfold read --json`, and what people did; a corrected digit also has what was read.
export function json(readings) {
  const documents = readings.map((reading) => {
    const digits = lines(reading).flat()
    const settled = reading.reason === 'low confidence' && !digits.some(doubtful)
    return {
      file: reading.file,
      text: text(reading),
      digits: digits.map((digit) => ({
        label: digit.label, confidence: digit.confidence, unsure: doubtful(digit), checked: digit.checked,
        box: onFile(reading, digit), alternatives: digit.alternatives,
        ...(digit.label === digit.read ? {} : { read_as: digit.read }),
      })),
      unsure: reading.unsure && !settled,
      reason: settled ? null : reading.reason,
    }
  })
  return `${JSON.stringify(documents, null, 2)}\n`
}

export function download(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
