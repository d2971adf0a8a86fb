import { describe, expect, test } from 'vitest'
import { sampleFigures, sampleLoad } from './figures.sample.ts'
import { renderLines, renderMarkdown, renderTable } from './report.ts'

const busy = { ...sampleLoad(), calm: false, noise: { stolen: 0.3, spread: 0.7, widest: 'envoy' } }

describe('renderTable', () => {
  test('shows each path with what it adds and its CPU, and each target with must and aim', () => {
    const table = renderTable(sampleFigures({ decisionsPerSecond: 9_000 }))
    expect(table).toMatch(/^direct +1\.00 +4\.00 +3,000 +10 % +0\.600$/m)
    expect(table).toMatch(/^lanyard +1\.70 +0\.70 +4\.70 +2,000 +10 % +0\.190 +0\.070 +0\.600$/m)
    expect(table).toMatch(/^durable decisions.* 9,000 \/s +≥ 30,000 +≥ 50,000 +missed$/m)
    expect(table).toMatch(/^sidecar ready after its start +90\.0 ms +≤ 150 +≤ 100 +aim met$/m)
    expect(table).toMatch(/^kubectl get pod, a process each, direct +90\.0 ms$/m)
    expect(table).not.toMatch(/TOO BUSY|undefined|NaN/)
  })

  test('says when the machine was too busy to tell', () => {
    expect(renderTable(sampleFigures({ one: busy }))).toMatch(
      /^THE MACHINE WAS TOO BUSY TO TELL: .* 30 % of the CPU; .* 70 % .*\(envoy\)\.$/m,
    )
  })

  test('says so of what was measured beside them', () => {
    const kubectlMs = { direct: 90, lanyard: 95, calm: false }
    expect(renderTable(sampleFigures({ kubectlMs }))).toMatch(/^THE MACHINE .* TELL: kubectl\.$/m)
  })

  test('shows no path that was not measured under the same load, and says so', () => {
    const { direct, lanyard } = sampleLoad().paths
    const paths = { ...(direct && { direct }), ...(lanyard && { lanyard }) }
    const table = renderTable(sampleFigures({ many: { ...sampleLoad(), paths } }))
    expect(table).toMatch(/^envoy was not measured under the same load, and is not shown\.$/m)
    expect(table.match(/^envoy +\d/gm)).toHaveLength(2)
  })

  test('says what failed, and judges it as not measured', () => {
    const { machine } = sampleFigures()
    const table = renderTable({ machine, parts: {}, failures: { list: 'no list came' } })
    expect(table).toMatch(/^Not measured: list: no list came$/m)
    expect(table).toMatch(/^a list of 10,000 pods, growth of memory .*not measured$/m)
  })
})

test('renderMarkdown() writes tables that can be pasted', () => {
  const text = renderMarkdown(sampleFigures({ one: busy }))
  expect(text).toContain('\n|---|---|---|---|---|\n')
  expect(text).toMatch(/^\| lanyard \| 1\.70 \| 0\.70 \| 4\.70 \|/m)
  expect(text).toMatch(/^\| sidecar ready .* \| 90\.0 ms \| ≤ 150 \| ≤ 100 \| aim met \|$/m)
})

test('renderLines() writes one JSON object for each figure, verdict, failure and the machine', () => {
  const figures = { ...sampleFigures(), failures: { list: 'no list came' } }
  const lines = renderLines(figures)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toContainEqual({ figure: 'one.paths.lanyard.p50Ms', value: 1.7 })
  expect(lines).toContainEqual({ figure: 'many.paths.lanyard.cpuMs.sidecar', value: 0.19 })
  expect(lines).toContainEqual({ figure: 'memory.atRest.rssMiB', value: 90 })
  expect(lines).toContainEqual({
    ...{
      target: 'sidecar ready after its start',
      value: 90,
      must: 150,
      aim: 100,
      state: 'aim met',
    },
  })
  expect(lines).toContainEqual({ part: 'list', failure: 'no list came' })
  expect(lines.at(-1)).toEqual({ machine: figures.machine })
})
