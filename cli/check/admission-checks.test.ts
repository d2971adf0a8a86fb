import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { CommandContext } from '../command/command-context.ts'
import { admissionChecks } from './admission-checks.ts'
import { runItem } from './check-item.ts'

const CHART = resolve(import.meta.dirname, '../../deploy/chart/templates/admission-policies.yaml')

test('admissionChecks() knows every admission policy of the chart', async () => {
  const text = readFileSync(CHART, 'utf8')
  const names = [...text.matchAll(/kind: ValidatingAdmissionPolicy\nmetadata:\n {2}name: (\S+)/g)]
  const client = { get: async () => ({ items: [] }) }
  const context = { client } as unknown as CommandContext
  const item = admissionChecks(context).at(-1)
  const { hints = [] } = item === undefined ? {} : await runItem(item)
  expect(hints.slice(0, -1)).toEqual(
    names.map((match) => `no binding denies by ValidatingAdmissionPolicy ${match[1]}`),
  )
})
