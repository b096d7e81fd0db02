// Ten bars: the probability of each digit.

import { element, percent } from './words.js'

export function makeBars(list) {
  for (let digit = 0; digit < 10; digit++) {
    const fill = element('span', { className: 'fill' })
    const bar = element('span', { className: 'bar', ariaHidden: 'true' }, fill)
    list.append(element('li', {}, element('span', { className: 'digit' }, String(digit)), bar,
      element('span', { className: 'share' }, '')))
  }
}

// `probabilities` null empties them.
export function fillBars(list, probabilities, label) {
  for (const [digit, row] of [...list.children].entries()) {
    const share = probabilities?.[digit] ?? 0
    row.querySelector('.fill').style.transform = `scaleX(${share})`
    row.querySelector('.share').textContent = probabilities ? percent(share) : ''
    row.classList.toggle('best', Boolean(probabilities) && digit === label)
  }
}
