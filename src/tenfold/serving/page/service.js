// The service as the page sees it: requests with their errors as sentences, and the model that is chosen.

const PATIENCE = 4 // tries while the service answers that it is full

export const models = { all: [], chosen: null }

export const model = () => models.all.find((each) => each.name === models.chosen)

export function choose(name) {
  models.chosen = name
  document.dispatchEvent(new Event('modelchange'))
}

// The JSON answer to `path` with the chosen model, or an Error whose message is a sentence for people.
export async function ask(path, { body, query = {}, signal, chosen = true } = {}) {
  const given = Object.entries({ ...(chosen && models.chosen ? { model: models.chosen } : {}), ...query })
  const search = new URLSearchParams(given.filter(([, value]) => value !== undefined && value !== ''))
  const address = search.size ? `${path}?${search}` : path
  // A picture's type is told by its bytes: the service needs no header that a file's name made up.
  const options = body
    ? { method: 'POST', body, signal, headers: { 'Content-Type': 'application/octet-stream' } }
    : { signal }
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(address, options).catch((cause) => {
      if (cause.name === 'AbortError') throw cause
      throw new Error('The service does not answer. Is tenfold serve still running?')
    })
    if (answer.status === 503 && attempt < PATIENCE) {
      await wait(1000 * (Number(answer.headers.get('Retry-After')) || 1))
      continue
    }
    const document_ = await answer.json().catch(() => ({}))
    if (!answer.ok) throw new Error(sentence(document_) ?? `The service answers with status ${answer.status}.`)
    return document_
  }
}

const sentence = (answer) => (typeof answer.error === 'string' ? answer.error : answer.error?.message)

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
