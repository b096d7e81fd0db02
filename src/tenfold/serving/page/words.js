// What the page says: numbers as people write them, why an answer is unsure, and the live region.

export const byId = (id) => document.getElementById(id)

// An element with properties and children; text goes in as text, never as markup.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('aria')) made.setAttribute(`aria-${name.slice(4).toLowerCase()}`, value)
    else if (name in made) made[name] = value
    else made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

export function percent(share) {
  const points = 100 * share
  return points > 99.9 ? '>\u00a099.9\u00a0%' : `${points.toFixed(1)}\u00a0%` // no model is surer than that
}

export const times = (count, one, many = `${one}s`) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`

const REASONS = {
  blank: 'There is nothing on it that could be a digit.',
  'unlike a digit': 'It looks like none of the ten digits.',
  'nothing fits what is expected': 'Nothing on it fits what you know of the digits; this is the best guess without that.',
  'too much on the page': 'There is more on it than digits would fill: print, perhaps, or a pattern.',
  'what is expected fits badly': 'What you know of the digits fits only if clear ones are left out or read as others.',
}

// The service's reason in a sentence; what this page does not know is said as it comes.
export const because = (reason) => REASONS[reason] ?? `${reason[0].toUpperCase()}${reason.slice(1)}.`

// Two sentences on an unsure digit. `threshold` is the model's.
export function why({ reason, label, confidence, probabilities }, threshold) {
  if (reason !== 'low confidence') return because(reason)
  const limit = `This model is sure from ${percent(threshold)} on.`
  const order = probabilities.map((share, digit) => [share, digit]).sort((a, b) => b[0] - a[0])
  if (order[0][0] < 0.3) return `It looks like no digit that the network knows. ${limit}`
  const [share, second] = order[1]
  return share > 0.1
    ? `It may be ${label} (${percent(confidence)}) or ${second} (${percent(share)}). ${limit}`
    : `${label} is only the best guess. ${limit}`
}

// Screen readers hear this; the same sentence twice is heard twice.
export function say(sentence) {
  const region = byId('say')
  region.textContent = region.textContent === sentence ? `${sentence}\u00a0` : sentence
}

// What a `view` hears when another is shown by then is nothing to tell there.
export function trouble(error, view = null) {
  if (view && byId(`view-${view}`).hidden) return
  const notice = byId('trouble')
  notice.textContent = error ? error.message : ''
  notice.hidden = !error
}
