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
    'x'.repeat(16_385),
    '('.repeat(8_192),
  ])('%j is not understood', (script) => {
    expect(commandsOf(script)).toBeTypeOf('string')
  })

  test.each([
    ['cat <<E > /x\na\nE', '/x'],
    ['cat <<E >> /x\na\nE', '/x'],
    ['cat <<-E 2>/x\na\nE', '/x'],
    ['{ cat; } <<E > /x\nE', '/x'],
    ['while a; do b; done <<E > /x\nE', '/x'],
    ['cat > /x <<E\na\nE', '/x'],
  ])('%j writes a file behind a here-document', (script, file) => {
    expect(read(script)).toContainEqual(
      expect.objectContaining({ writes: [expect.objectContaining({ text: file })] }),
    )
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

  /** Twice what they take where nothing else runs: the other tests fill the caches of the processor too. */
  const MS_MAX = 100
  const KIB = 1_024

  /** The machine is shared, and the runtime compiles beside: the best of some counts, up to the first within the bound. */
  function bestMs(script: string, left = 20): number {
    const before = process.cpuUsage()
    read(script)
    const { user, system } = process.cpuUsage(before)
    const ms = (user + system) / 1_000
    return ms < MS_MAX || left === 0 ? ms : Math.min(ms, bestMs(script, left - 1))
  }

  const filled = (part: string, bytes = 8 * KIB) => part.repeat(Math.floor(bytes / part.length))

  test.each([
    ['64 KiB', filled('ls a b;', 64 * KIB)],
    ['open subshells', filled('(')],
    ['substitutions in each other', filled('$(')],
    ['too many commands', filled('ls a b;')],
    ['as many commands as are read', 'ls a b;'.repeat(410)],
    ['many here-documents', filled('cat <<A\nA\n')],
    ['many assignments', filled('a=b ')],
    ['redirections', filled('<')],
    ['case in case', filled('case a in ')],
    ['if in if', filled('if a;then ')],
    ['one long word', filled('x')],
    ['quotes', filled(`"'`)],
    ['arithmetic', filled('$((1+')],
    ['extended globs', filled('@(a|')],
    ['functions', filled('f(){ a; };')],
    ['pipes', filled('a|')],
    ['expansions in each other', filled('${x:-')],
  ])('reads %s in good time', (_, script) => {
    expect(bestMs(script)).toBeLessThan(MS_MAX)
  })

  test('understands a script of 5 KiB as people write them', () => {
    const steps = [
      'set -eu',
      'echo "building ${NAME} at $(date +%s)"',
      'for d in api web worker; do',
      '  if [ -d "$d" ]; then',
      '    cd "$d" && npm ci --no-audit && npm run build 2>&1 | tee "../logs/$d.log"',
      '    cd ..',
      '  fi',
      'done',
      'docker build -t "registry.example.com/team/app:$TAG" --build-arg VERSION="$VERSION" .',
      'kubectl -n team set image deployment/app app="registry.example.com/team/app:$TAG"',
    ]
    const script = filled(`${steps.join('\n')}\n`, 6 * KIB)
    expect(script.length).toBeGreaterThan(5 * KIB)
    expect(read(script)).toBeInstanceOf(Array)
    expect(bestMs(script)).toBeLessThan(MS_MAX)
  })

  test('takes no longer for any text up to 64 KiB', () => {
    const part = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 })
    const bytes = fc.constantFrom(KIB, 4 * KIB, 8 * KIB, 64 * KIB)
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), bytes, (parts, length) => {
        const each = parts.map((pieces) => pieces.join(''))
        const script = each.map((text) => filled(text, length / each.length)).join('\n')
        expect(bestMs(script)).toBeLessThan(MS_MAX)
      }),
      { seed: 64, numRuns: 150, endOnFailure: true },
    )
  }, 120_000)
})
