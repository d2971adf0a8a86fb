import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { Language, Parser, type Tree } from 'web-tree-sitter'
import type { ScriptReader } from '../../core/commands/script.ts'
import { parseScriptTree } from './script-tree.ts'
import { SyntaxPrinter } from './syntax-printer.ts'
import { compileSparingly, compileWasm } from './web-assembly.ts'

/** Longest script that is read; both parsers together take less than 50 ms for it once they are warm. */
const SCRIPT_BYTES_MAX = 8_192
/**
 * CPU time after which the grammar gives up; it takes a tenth of it for anything that people write. Not time of a clock: on
 * a busy machine that would refuse what is harmless.
 */
const PARSE_CPU_US_MAX = 40_000

const NOT_UNDERSTOOD = 'the script is not understood by the shell grammar'

/** From the folder of the program, which in the image is not the one of this file. */
const modules = createRequire(join(import.meta.dirname, 'packages'))

/**
 * Loads two parsers of shell scripts, both compiled to WebAssembly, and gives the reader that takes only what
 * both understand alike. Throws when either cannot be loaded.
 */
export async function loadShellParsers(): Promise<ScriptReader> {
  compileSparingly()
  const fileOf = (name: string) => readFile(modules.resolve(name))
  await Parser.init({ wasmBinary: await fileOf('web-tree-sitter/web-tree-sitter.wasm') })
  const bash = await Language.load(await fileOf('tree-sitter-bash/tree-sitter-bash.wasm'))
  const printer = new SyntaxPrinter(await compileWasm(await fileOf('sh-syntax/main.wasm')))
  const parser = new Parser()
  parser.setLanguage(bash)
  const reader: ScriptReader = (script) => parseByBoth(parser, printer, script)
  await warmUp(reader)
  return reader
}

/** A script with what scripts are made of. */
const SAMPLE = `set -eu
# what is built
for d in api "web $1" 'worker'; do
  if [ -d "$d" ] && ! test -e "$d/done"; then
    (cd "$d" && npm ci --no-audit | tee "../logs/\${d%.*}.log") 2>&1 || exit 1
  else echo "no $d at $(date +%s) \`id\`" >&2; fi
done
f() { local x=$((1 + 2)); cat <<END; }
$x and $(hostname)
END
case "$x" in a|b) f;; *) while read -r line; do echo "\${line:-none}" > out; done < in;; esac
`
const WARM_ROUNDS = 4

/** The first scripts take several times as long, since functions are compiled at their first call; no request has to wait for that. */
async function warmUp(reader: ScriptReader): Promise<void> {
  for (let round = 0; round < WARM_ROUNDS; round += 1) {
    reader(SAMPLE.repeat(3))
    await letOthersRun()
  }
}

function parseByBoth(
  parser: Parser,
  printer: SyntaxPrinter,
  script: string,
): ReturnType<ScriptReader> {
  if (Buffer.byteLength(script) > SCRIPT_BYTES_MAX)
    return `the script has more than ${SCRIPT_BYTES_MAX} bytes`
  if (/[\0\r\uFFFD]|\p{Cs}/u.test(script))
    return 'the script has characters that shells read in different ways'
  // This one first: of a text that is no script the grammar takes long to say so.
  const printed = printer.print(script)
  if (printed === undefined) return 'the script is not understood by the parser of shell syntax'
  const first = parseByGrammar(parser, script)
  if (typeof first === 'string') return first
  const second = parseByGrammar(parser, printed)
  if (typeof second === 'string' || !isSame(first, second))
    return 'two parsers of shell syntax understand the script differently'
  return first
}

function parseByGrammar(parser: Parser, script: string): ReturnType<ScriptReader> {
  const until = cpuUs() + PARSE_CPU_US_MAX
  let tree: Tree | null = null
  try {
    tree = parser.parse(script, null, { progressCallback: () => cpuUs() > until })
    return tree === null || tree.rootNode.hasError ? NOT_UNDERSTOOD : parseScriptTree(tree.rootNode)
  } catch {
    // A parser that fails has understood nothing; it starts afresh with the next script.
    return NOT_UNDERSTOOD
  } finally {
    tree?.delete()
    parser.reset()
  }
}

/** Of this thread, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Whether the same commands were found. Of a word that is computed only that it is. */
function isSame(one: readonly object[], other: readonly object[]): boolean {
  const plain = (key: string, value: unknown) =>
    key !== '' && isComputed(value) ? { exact: false } : value
  const sorted = (commands: readonly object[]) =>
    commands.map((command) => JSON.stringify(command, plain)).toSorted()
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
}

function isComputed(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'exact' in value && value.exact === false
}
