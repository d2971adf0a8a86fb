import { describe, expect, test } from 'vitest'
import { measureInTurns } from './turns.ts'

function options(values: readonly number[]) {
  const asked: string[] = []
  const said: string[] = []
  return {
    asked,
    said,
    names: ['a', 'b'] as const,
    rounds: 2,
    log: (line: string) => void said.push(line),
    figure: (value: number) => value,
    measure(name: string) {
      asked.push(name)
      return Promise.resolve(values[asked.length - 1] ?? 1)
    },
  }
}

describe('measureInTurns', () => {
  test('lets the paths take turns, and stops when the machine was calm', async () => {
    const own = options([1, 2, 1, 2])
    const { results } = await measureInTurns(own)
    expect(own.asked.slice(0, 4)).toEqual(['a', 'b', 'a', 'b'])
    expect(results).toEqual({ a: [1, 1], b: [2, 2] })
  })

  test('measures again when rounds differ too much, and takes the calmer attempt', async () => {
    const own = options([1, 2, 9, 2, 5, 6, 5, 6])
    const { results } = await measureInTurns(own)
    expect(results).toEqual({ a: [5, 5], b: [6, 6] })
    expect(own.said[0]).toMatch(/^Too busy to tell: .*measuring again$/)
  })

  test('says so when no attempt was calm, and measures no third time', async () => {
    const own = options([1, 2, 9, 2, 1, 6, 50, 6, 1, 1, 1, 1])
    const { results, calm, noise } = await measureInTurns(own)
    expect({ results, calm }).toEqual({ results: { a: [1, 9], b: [2, 2] }, calm: false })
    expect(noise).toMatchObject({ spread: 1.6, widest: 'a' })
    expect(own.said.at(-1)).toMatch(/the calmer attempt is taken$/)
  })

  test('rejects with what a path throws', async () => {
    const measure = () => Promise.reject(new Error('no answer'))
    await expect(measureInTurns({ ...options([]), measure })).rejects.toThrow('no answer')
  })
})
