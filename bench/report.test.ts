import { expect, test } from 'vitest'
import { sampleFigures } from './figures.sample.ts'
import { renderLines, renderTable } from './report.ts'

test('renderTable shows each path with what it adds, and a missed target as missed', () => {
  const table = renderTable(sampleFigures({ decisionsPerSecond: 9_000 }))
  expect(table).toMatch(/^direct +1\.00 +4\.00 +3,000$/m)
  expect(table).toMatch(/^lanyard +1\.80 +0\.80 +5\.00 +2,000$/m)
  expect(table).toMatch(/^MISSED +9,000 \/s +durable decisions/m)
  expect(table).toMatch(/^sidecar RSS after load +99\.6 MB$/m)
  expect(table).toMatch(/^met +99\.6 MB +sidecar RSS after load ≤ 100 MB$/m)
  expect(table).toMatch(/^met +300 ms +sidecar ready/m)
})

test('renderLines writes one JSON object for each figure, each verdict and the machine', () => {
  const lines = renderLines(sampleFigures({}))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toContainEqual({ figure: 'paths.lanyard.p50Ms', value: 1.8 })
  expect(lines).toContainEqual({ figure: 'sidecar.rssMiB', value: 95 })
  expect(lines).toContainEqual({ figure: 'decisionsPerSecond', value: 16_000 })
  expect(lines).toContainEqual(expect.objectContaining({ value: 300, met: true }))
  expect(lines.at(-1)).toEqual({ machine: sampleFigures({}).machine })
  expect(lines).toHaveLength(12 + 1 + 4 + 2 + 8 + 1)
})
