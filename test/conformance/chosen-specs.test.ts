import { describe, expect, test } from 'vitest'
import { SKIPPED } from './chosen-specs.ts'
import { suiteCommand } from './run-suite.ts'

test.each(SKIPPED)(
  'SKIPPED is a regular expression with a reason: $pattern',
  ({ pattern, reason }) => {
    expect(() => new RegExp(pattern)).not.toThrow()
    expect(reason).not.toBe('')
  },
)

describe('suiteCommand()', () => {
  test('quotes each argument for sh', () => {
    const command = suiteCommand({ focus: ["it's (a|b)"], processes: 2 })
    expect(command).toContain(`'--focus=it'\\''s (a|b)'`)
    expect(command).toContain(`'--procs=2'`)
  })

  test('has no focus where none is asked for', () => {
    expect(suiteCommand({ focus: [], processes: 1 })).not.toContain('--focus')
  })
})
