// The service as the page sees it: requests with their errors as sentences, and the model that is chosen.

// What outlives a reload, and not the tab: the token that the service was started with. Without it where a browser keeps nothing.
const kept = (() => { try { return sessionStorage } catch { return {} } })()

const PATIENCE = 20 // tries while the service answers that it is full: a sheet of 2,000 digits may take a minute

export const models = { all: [], chosen: null }

export const model = () => models.all.find((each) => each.name === models.chosen)

export function choose(name) {
  models.chosen = name
  document.dispatchEvent(new Event('modelchange'))
}

// What follows # is never sent: an address may hold the token there. It leaves the address bar at once.
export function takeToken() {
  const given = location.hash.match(/^#token=(.+)$/)
  if (!given) return
  kept.token = given[1].replace(/%[2-7][0-9a-f]/gi, decodeURIComponent) // a token has no % of its own
  history.replaceState(null, '', location.pathname)
}

// The JSON answer to `path` with the chosen model, or an Error whose message is a sentence for people. `waiting` is called
// each time the service is full: it is asked again unless that gives false.
export async function ask(path, { body, query = {}, chosen = true, waiting = () => true } = {}) {
  const given = Object.entries({ ...(chosen && models.chosen ? { model: models.chosen } : {}), ...query })
  const search = new URLSearchParams(given.filter(([, value]) => value !== undefined && value !== ''))
  const address = given.length ? `${path}?${search}` : path
  // A picture's type is told by its bytes: the service needs no header that a file's name made up.
  const headers = {
    ...(body && { 'Content-Type': 'application/octet-stream' }),
    ...(kept.token && { Authorization: `Bearer ${kept.token}` }),
  }
  const options = body ? { method: 'POST', body, headers } : { headers }
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(address, options).catch(() => {
      throw new Error('The service does not answer. Is tenfold serve still running?')
    })
    if (answer.status === 503 && attempt < PATIENCE && waiting()) {
      await wait(1000 * (Number(answer.headers.get('Retry-After')) || 1))
      continue
    }
    if (answer.status === 401) {
      delete kept.token
      throw new Error(`A token is needed: open ${location.origin}/#token=TOKEN.`)
    }
    const document_ = await answer.json().catch(() => ({}))
    if (!answer.ok) throw new Error(document_.error ?? `The service answers with status ${answer.status}.`)
    return document_
  }
}

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
