import { describe, expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { CommandParsers } from './command-parsers.ts'

const LOGGER = createLogger({ name: 'test', level: 'error' }, { write: () => undefined })
const withCommands = { spec: { rules: [{ name: 'a' }, { commands: { deny: [['rm']] } }] } }
const read = () => []

describe('CommandParsers', () => {
  test.each([
    ['no policy', []],
    ['no rule with commands', [{ spec: { rules: [{ name: 'a' }] } }, {}, null, { spec: null }]],
  ])('loads nothing for %s', (_name, objects) => {
    const load = vi.fn(async () => read)
    new CommandParsers(LOGGER, load).loadFor(objects, () => {})
    expect(load).not.toHaveBeenCalled()
  })

  test('loads once for the first rule with commands, and says when', async () => {
    const load = vi.fn(async () => read)
    const parsers = new CommandParsers(LOGGER, load)
    await new Promise<void>((resolve) => {
      parsers.loadFor([withCommands], resolve)
      parsers.loadFor([withCommands], resolve)
      expect(parsers.reader()).toBeUndefined()
    })
    parsers.loadFor([withCommands], () => {})
    expect(parsers.reader()).toBe(read)
    expect(load).toHaveBeenCalledTimes(1)
  })

  test('has no reader when they cannot be loaded, and tries again with the next change', async () => {
    const load = vi.fn(async () => read).mockRejectedValueOnce(new Error('no such file'))
    const parsers = new CommandParsers(LOGGER, load)
    parsers.loadFor([withCommands], () => {})
    await new Promise((resolve) => setImmediate(resolve))
    expect(parsers.reader()).toBeUndefined()
    await new Promise<void>((resolve) => parsers.loadFor([withCommands], resolve))
    expect(parsers.reader()).toBe(read)
  })
})
