/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: scripts of shells */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CommandReading } from '../../core/commands/read-command.ts'
import type { ScriptReader } from '../../core/commands/script.ts'
import { loadShellParsers } from './shell-parsers.ts'

let read: ScriptReader

beforeAll(async () => {
  read = await loadShellParsers()
})

/** The words of every command, what is computed as `?`; or why the script is not understood. */
function commandsOf(script: string): unknown {
  const commands = read(script)
  if (typeof commands === 'string') return commands
  return commands
    .filter(({ words }) => words.length > 0)
    .map(({ words }) => words.map(({ text, exact }) => (exact ? text : '?')).join(' '))
    .toSorted()
}

describe('loadShellParsers()', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['# rm', []],
    ['ls -l', ['ls -l']],
    ['r\'\'m \\-rf "/x y"', ['rm -rf /x y']],
    ["$'\\x72m' a", ['rm a']],
    ['a && b || c; d & e | f', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['echo $(rm `id`)', ['echo ?', 'id', 'rm ?']],
    ['echo "${x:-$(rm a)}"', ['echo ?', 'rm a']],
    ['f() { rm a; }; f', ['f', 'rm a']],
    ['cat <<E\n$(rm a)\nE', ['cat', 'rm a']],
    ["cat <<'E'\n$(rm a)\nE", ['cat']],
    ['case $(a) in b) rm c;; esac', ['a', 'rm c']],
    ['diff <(rm a) >(b)', ['b', 'diff ? ?', 'rm a']],
    ['>x env >y rm z', ['env rm z']],
    ['echo $((1+$(rm a)))', ['echo ?', 'rm a']],
    ['x=(a $(rm b))', ['rm b']],
    ['for i in $(a); do rm $i; done', ['a', 'rm ?']],
    ['/bin/r? x', ['? x']],
    ['rm {a,b}', ['rm ?']],
  ])('%j runs %j', (script, commands) => {
    expect(commandsOf(script)).toEqual(commands)
  })

  test.each([
    'if',
    'rm (',
    '"',
    'echo "${x@P}"',
    'echo ${!x}',
    'cat <<-E\n\t$(rm x)\n\tE',
    'a\rb',
    'a\0b',
    'x'.repeat(4097),
    '('.repeat(4096),
  ])('%j is not understood', (script) => {
    expect(commandsOf(script)).toBeTypeOf('string')
  })

  const PIECES = [
    ...[
      'rm ',
      'sh -c ',
      'eval ',
      'env ',
      'A=1 ',
      'find -exec ',
      'if a; then ',
      'fi',
      'case x in ',
      'esac',
    ],
    ...[
      '$(',
      ')',
      '`',
      '"',
      "'",
      '\\',
      '\n',
      ';',
      '|',
      '&',
      '<<E\n',
      'E\n',
      '<(',
      '${x:-',
      '}',
      '((',
      '))',
      '{ ',
    ],
    ...[
      '[[ ',
      ' ]]',
      '$',
      '*',
      '~',
      '<',
      '>',
      '#',
      '!',
      '\t',
      'é',
      '\u{1f600}',
      '=',
      '[',
      ']',
      '@P',
      'coproc ',
    ],
  ]

  test('no text makes the reader or the judge throw, and what is read of it is bounded', () => {
    const script = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string()), { maxLength: 60 })
    fc.assert(
      fc.property(script, fc.boolean(), (parts, stdin) => {
        const text = parts.join('')
        const found = read(text)
        expect(typeof found === 'string' ? 0 : found.length).toBeLessThanOrEqual(4096)
        const node = new CommandReading(read).read(['sh', '-c', text], [text], stdin)
        expect(node.words.length).toBeGreaterThan(0)
      }),
      { seed: 10, numRuns: 300 },
    )
  }, 60_000)

  test.each([
    ['64 KiB', 'ls a b;'.repeat(9_363)],
    ['open subshells', '('.repeat(4_096)],
    ['substitutions in each other', '$('.repeat(2_048)],
    ['too many commands', 'ls a b;'.repeat(585)],
    ['many commands', 'ls a b;'.repeat(150)],
    ['many here-documents', 'cat <<A\nA\n'.repeat(400)],
    ['many assignments', 'a=b '.repeat(1_024)],
    ['redirections', '<'.repeat(4_096)],
    ['case in case', 'case a in '.repeat(409)],
    ['if in if', 'if a;then '.repeat(400)],
  ])('reads %s within 50 ms of CPU', (_, script) => {
    read(script)
    // The machine is shared, and code is compiled while it warms up: the best of some counts.
    const took = Array.from({ length: 20 }, () => {
      const before = process.cpuUsage()
      read(script)
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1_000
    })
    expect(Math.min(...took)).toBeLessThan(50)
  })
})
