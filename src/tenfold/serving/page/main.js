// The page put together: which view is shown, which model answers.

import * as draw from './draw.js'
import * as inside from './inside.js'
import * as cards from './models.js'
import * as read from './read.js'
import * as correcting from './reading.js'
import { ask, choose, models, takeToken } from './service.js'
import { byId, element, trouble } from './words.js'

const TITLES = { draw: 'Draw', read: 'Photograph', inside: 'How it works', models: 'Models' }

function show(moved = true) {
  const [name, detail] = location.hash.slice(1).split('/')
  const view = Object.hasOwn(TITLES, name) ? name : 'draw'
  for (const each of Object.keys(TITLES)) byId(`view-${each}`).hidden = each !== view
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${view}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  document.title = `${TITLES[view]} · Tenfold`
  trouble(null) // it was that of another view, and so is what lies above it
  byId('viewfinder').close()
  byId('correct').hidePopover()
  if (view === 'inside') inside.enter()
  if (view === 'models') detail ? cards.page(detail) : cards.list()
  if (view === 'draw') draw.sheet.draw()
  if (!moved) return
  scrollTo(0, 0)
  byId('main').focus({ preventScroll: true })
}

async function start() {
  takeToken()
  byId('loading').textContent = 'Waiting for the service …'
  const known = await ask('/page/models')
  models.all = known.models
  models.limits = known.limits
  models.chosen = known.default
  const select = byId('model')
  select.append(...models.all.map(({ name }) => element('option', { value: name }, name)))
  select.value = models.chosen
  select.addEventListener('change', () => choose(select.value))
  document.addEventListener('modelchange', () => {
    select.value = models.chosen
    if (!byId('view-models').hidden) show(false)
  })
  correcting.start()
  read.start()
  await Promise.all([draw.start(), inside.start()])
  addEventListener('hashchange', () => show())
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault() // what follows # names the view
    byId('main').focus()
  })
  show(false)
  document.documentElement.dataset.ready = 'yes'
}

// An address with the token, typed over one without, loads nothing by itself.
addEventListener('hashchange', () => { if (location.hash.startsWith('#token=')) location.reload() })
start().catch(trouble).finally(() => byId('loading').remove())
