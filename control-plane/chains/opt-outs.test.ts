import { beforeEach, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createOptOuts, type OptOuts } from './opt-outs.ts'

let recorded: string[]
/** How many times recording fails before it does not. */
let failures: number
let tell: OptOuts

beforeEach(() => {
  recorded = []
  failures = 0
  tell = createOptOuts({
    registry: {
      async recordUnwatched(namespace) {
        failures -= 1
        if (failures >= 0) throw new Fault('audit_unavailable', 'The disk is full')
        recorded.push(namespace)
      },
    },
    namespacesOnRecord: async () => ['team', 'old'],
    logger: createLogger({ name: 'test', level: 'error' }),
    retryMs: 1,
  })
})

const told = async (...names: string[]) => {
  tell(new Set(names))
  await new Promise((resolve) => setTimeout(resolve, 20))
}

test('createOptOuts() records at the start what is no longer opted in', async () => {
  await told('team', 'new')
  expect(recorded).toEqual(['old'])
})

test('createOptOuts() records each namespace whose label goes, each time', async () => {
  await told('team', 'old', 'new')
  await told('team')
  expect(recorded).toEqual(['old', 'new'])
  await told('team', 'old')
  await told('team')
  expect(recorded).toEqual(['old', 'new', 'old'])
})

test('createOptOuts() tries again until it is on record', async () => {
  await told('team', 'old')
  failures = 3
  tell(new Set(['team']))
  tell(new Set(['team', 'old']))
  await expect.poll(() => recorded).toEqual(['old'])
})
