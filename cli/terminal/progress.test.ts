import { expect, test } from 'vitest'
import { createProgress } from './progress.ts'

test('createProgress() says nothing at first, and then not often', () => {
  let text = ''
  let nowMs = 0
  const terminal = {
    out: () => {},
    err: (more: string) => {
      text += more
    },
    style: (_style: string, plain: string) => plain,
    flushed: async () => {},
    watched: true,
    shown: true,
    outBytes: () => {},
  }
  const progress = createProgress(terminal, () => nowMs)
  for (let second = 0; second < 12; second += 1) {
    nowMs = second * 1_000
    progress(500)
  }
  expect(text).toBe('Looked at 1,500 decisions …\nLooked at 4,000 decisions …\n')
})
