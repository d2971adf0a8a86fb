import { expect, test } from 'vitest'
import { judgeCommand } from './judge-command.ts'
import { parseCommandRules } from './parse-command-rules.ts'
import { CommandReading } from './read-command.ts'
import { splitList } from './word.ts'

/** Nothing here has a script. */
const readScript = () => 'there are no scripts here'

type Typed = 'nothing' | 'input' | 'terminal'

const passes = (allow: readonly unknown[], line: string, typed: Typed) => {
  const problems: string[] = []
  const rules = parseCommandRules({ allow }, 'commands', problems, readScript)
  expect(problems).toEqual([])
  const reading = new CommandReading(readScript)
  const node = reading.read(splitList(line), [], typed !== 'nothing', typed === 'terminal')
  return judgeCommand(node, rules) === undefined
}

test.each<[readonly unknown[], string, Typed, boolean]>([
  [['psql', '**'], 'psql -l', 'nothing', false],
  [['psql', '**'], 'psql', 'input', false],
  [['psql'], 'psql', 'input', true],
  [['bash', '**'], 'bash', 'terminal', false],
  [['bash'], 'bash', 'terminal', true],
  [['git', 'log', '**'], 'git log', 'nothing', true],
  [['git', 'log', '**'], 'git log', 'input', true],
  [['git', 'log', '**'], 'git log', 'terminal', false],
  [['git', '--no-pager', '**'], 'git --no-pager log', 'terminal', true],
  [['systemctl', '**'], 'systemctl status x', 'terminal', false],
  [['systemctl', '**'], 'systemctl status x --no-pager', 'terminal', true],
  [['ls', '**'], 'ls -l', 'terminal', true],
  [['less', '**'], 'less x', 'nothing', true],
  [['less', '**'], 'less x', 'input', false],
])('judgeCommand() of the list %j and `%s` with %s typed: %s', (pattern, line, typed, wanted) => {
  expect(passes([pattern], line, typed)).toBe(wanted)
})

test('judgeCommand() lets whatever is typed into a shell whose class is allowed', () => {
  expect(passes([{ class: 'shell' }], 'bash', 'terminal')).toBe(true)
  expect(passes([{ class: 'shell' }, ['git', '**']], 'git log', 'terminal')).toBe(true)
})
