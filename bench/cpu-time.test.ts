import { describe, expect, test } from 'vitest'
import { cpuPerRequest, parseCpuMs, readCpuMs } from './cpu-time.ts'

const stat = (command: string) =>
  `12 (${command}) S 1 12 12 0 -1 4194304 9 8 7 6 150 25 3 4 20 0 7 0`

describe('parseCpuMs', () => {
  test.each(['node', 'a b', 'odd) S 1 (name'])('reads user and kernel time of "%s"', (command) => {
    expect(parseCpuMs(stat(command))).toBe(1_750)
  })

  test.each(['', '12 (node) S 1'])('throws for %j', (text) => {
    expect(() => parseCpuMs(text)).toThrow(/Cannot read CPU time/)
  })
})

test('readCpuMs() reads a process that lives, and throws for one that does not', async () => {
  expect((await readCpuMs({ us: process.pid }))['us']).toBeGreaterThan(0)
  await expect(readCpuMs({ nobody: 2 ** 30 })).rejects.toThrow(/ENOENT/)
})

test('cpuPerRequest() divides what was used between the readings', () => {
  expect(cpuPerRequest({ a: 100, b: 5 }, { a: 300, b: 5 }, 400)).toEqual({ a: 0.5, b: 0 })
})
