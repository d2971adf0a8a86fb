import { beforeEach, expect, test } from 'vitest'
import type { TypedLine } from '../../core/commands/typed-line.ts'
import { AGENT, anEnrolledBinding } from '../../test/support/record-builders.ts'
import type { WatchedDecision } from '../decisions/watched-decision.ts'
import { LINE_BYTES_MAX, LineJudge } from './line-judge.ts'

let judged: TypedLine[]
let isWatched: boolean
let judge: LineJudge

beforeEach(() => {
  judged = []
  isWatched = true
  const watched = { binding: anEnrolledBinding([AGENT], 1), question: {} } as WatchedDecision
  judge = new LineJudge(
    {
      decider: {
        refuseLine: (_binding, _question, typed) => {
          judged.push(typed)
          return typed.line.startsWith('rm') ? 'denied' : undefined
        },
      },
      decisionWatch: {
        find: (podUid, id) =>
          isWatched && podUid === AGENT.podUid && id === 'decision' ? watched : undefined,
      },
    },
    AGENT.podUid,
    'decision',
  )
})

const refuse = (line: string) => judge.refuse(Buffer.from(line))

test('LineJudge.refuse() judges each line by itself, without the NUL bytes that a shell drops', () => {
  expect([refuse('ls'), refuse('r\0m x'), refuse('pwd')]).toEqual([undefined, 'denied', undefined])
  expect(judged).toEqual([
    { line: 'ls', after: '' },
    { line: 'rm x', after: '' },
    { line: 'pwd', after: '' },
  ])
})

test('LineJudge.refuse() judges a line together with those that it continues', () => {
  for (const line of ['echo "a', 'b', 'c"', 'ls']) refuse(line)
  expect(judged.map(({ after }) => after)).toEqual(['', 'echo "a', 'echo "a\nb', ''])
})

test('LineJudge.refuse() forgets what is continued for longer than any parser reads', () => {
  refuse(`echo "${'a'.repeat(4_096)}`)
  refuse('b')
  expect(judged.at(-1)?.after).toBe('')
})

test('LineJudge.refuse() continues no line that was refused', () => {
  refuse('echo "a')
  refuse('rm "')
  refuse('b"')
  expect(judged.at(-1)).toEqual({ line: 'b"', after: 'echo "a' })
})

test('LineJudge.refuse() refuses what is too long, and throws what cannot be told', () => {
  expect(judge.refuse(Buffer.alloc(LINE_BYTES_MAX + 1, 'a'))).toMatch(/too long/)
  expect(judge.refuse(Buffer.alloc(LINE_BYTES_MAX, 'a'))).toBeUndefined()
  isWatched = false
  expect(() => refuse('ls')).toThrow('not watched over')
})
