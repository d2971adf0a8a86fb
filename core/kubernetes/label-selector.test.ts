import { expect, test } from 'vitest'
import { isLabelSelector } from './label-selector.ts'

test.each([
  [''],
  ['app'],
  ['!app'],
  ['app=web'],
  ['app = web , tier==db'],
  ['app!=web'],
  ['app='],
  ['app.kubernetes.io/name=web'],
  ['tier in (a, b),zone notin (c)'],
  ['size>1,size < 10'],
  ['inside=x,notin-use'],
])('isLabelSelector() takes %j', (selector) => {
  expect(isLabelSelector(selector)).toBe(true)
})

test.each([
  ['a b'],
  ['a b c'],
  ['='],
  ['=web'],
  [','],
  ['app,'],
  [',app'],
  ['app=web=x'],
  ['app=-web'],
  ['app=web_'],
  ['a..b/c=d'],
  ['-a/b=c'],
  ['A.b/c=d'],
  ['a/b/c'],
  ['app in'],
  ['app in ()'],
  ['app in (a'],
  ['app in a'],
  ['app>x'],
  ['app>'],
  ['app>9999999999999999999'],
  ['!app=x'],
  ['app=ü'],
  [`${'a'.repeat(64)}=x`],
  [`a=${'x'.repeat(64)}`],
  [`${'a.'.repeat(130)}a/b=x`],
])('isLabelSelector() refuses %j', (selector) => {
  expect(isLabelSelector(selector)).toBe(false)
})

test('isLabelSelector() takes no time over a long one', () => {
  const startMs = performance.now()
  for (const piece of ['a', 'a.', ' ', 'a,', 'a in (a,', '!', 'a in (a) ,', '(']) {
    isLabelSelector(`${piece.repeat(60_000 / piece.length)}\n`)
  }
  expect(performance.now() - startMs).toBeLessThan(2_000)
})
