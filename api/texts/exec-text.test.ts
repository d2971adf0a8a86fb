import { expect, test } from 'vitest'
import { commandText, tunnelLines } from './exec-text.ts'

const EXEC = {
  ...{ command: ['ls'], stdin: false, stdout: false, stderr: false, tty: false },
  ...{ container: '', env: [] },
}
const CUT = { count: 900, sha256: 'ab' }

test.each([
  ['plain words', ['ls', '-l', '/tmp/a,b'], 'ls -l /tmp/a,b'],
  ['words with blanks', ['sh', '-c', 'echo a'], "sh -c 'echo a'"],
  ['a quote', ["it's"], "'it'\\''s'"],
  ['an empty argument', ['a', ''], "a ''"],
  ['what a shell would run', ['$(id)', '`id`', '~'], "'$(id)' '`id`' '~'"],
  ['nothing', [], ''],
])('commandText() writes %s as a shell takes them', (_name, command, want) => {
  expect(commandText({ exec: { ...EXEC, command } })).toBe(want)
})

test('commandText() says where it was cut, and nothing of other requests', () => {
  expect(commandText({ exec: { ...EXEC, commandShortened: CUT } })).toBe('ls …')
  expect(commandText({})).toBe('')
})

test.each([
  ['another request', {}, []],
  ['a port-forward by SPDY', { portForward: { ports: [] } }, []],
  ['a port-forward', { portForward: { ports: [80, 443] } }, ['to port 80, 443']],
  ['an attach to nothing', { exec: { ...EXEC, command: [] } }, []],
  [
    'an exec',
    { exec: { ...EXEC, stdin: true, tty: true, container: 'app', env: ['A=1 2'] } },
    ['to run ls', "with the environment 'A=1 2'", 'in the container app', 'with stdin, tty'],
  ],
  [
    'a command that was cut',
    { exec: { ...EXEC, commandShortened: CUT } },
    ['to run ls …', '(of 900 arguments; sha256 ab)'],
  ],
])('tunnelLines() of %s', (_name, spec, want) => {
  expect(tunnelLines(spec)).toEqual(want)
})
