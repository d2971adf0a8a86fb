import { expect, test } from 'vitest'
import { parseReport } from './read-report.ts'

const spec = (LeafNodeText: string, State: string, more: object = {}) => ({
  ContainerHierarchyTexts: ['[sig-node] Pods'],
  LeafNodeType: 'It',
  LeafNodeText,
  State,
  RunTime: 1_240_000_000,
  ...more,
})

test('parseReport() keeps the specs that ran, by their whole names', () => {
  const reports = [
    spec('should run [Conformance]', 'passed'),
    spec('should stop', 'failed', { Failure: { Message: 'it did not' } }),
    spec('is no part of it', 'skipped'),
    spec('is not written yet', 'pending'),
    spec('', 'passed', { LeafNodeType: 'SynchronizedBeforeSuite' }),
  ]
  expect([...parseReport(JSON.stringify([{ SpecReports: reports }]))]).toEqual([
    ['[sig-node] Pods should run [Conformance]', { state: 'passed', seconds: 1.2, message: '' }],
    ['[sig-node] Pods should stop', { state: 'failed', seconds: 1.2, message: 'it did not' }],
  ])
})

test.each([['[]'], ['[{}]'], ['[{"SpecReports": []}]']])(
  'parseReport() finds nothing in %s',
  (text) => {
    expect(parseReport(text).size).toBe(0)
  },
)

test.each(['', '{}', '[{"SpecReports"'])('parseReport() throws for %j', (text) => {
  expect(() => parseReport(text)).toThrow()
})
