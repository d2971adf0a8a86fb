import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, repositoryFiles } from './support/repository-files.ts'

/* The house rules of docs/architecture.md as a program. */

const FILE_LINES_MAX = 300
const FUNCTION_LINES_MAX = 70
const BANNED_NAMES = /(?:^|[-/])(?:utils?|helpers?|common|manager|misc|data)(?:[-.]|$)/

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  proto: ['core'],
  platform: ['core'],
  api: ['core'],
  proxy: ['core', 'proto', 'platform'],
  sidecar: ['core', 'proto', 'platform', 'proxy'],
  'control-plane': ['core', 'proto', 'platform', 'api'],
  injector: ['core', 'proto', 'platform'],
  cli: ['core', 'platform', 'api'],
  bench: [
    'core',
    'proto',
    'platform',
    'api',
    'proxy',
    'sidecar',
    'control-plane',
    'injector',
    'test',
    'deploy',
  ],
  deploy: ['core', 'platform', 'test'],
  docs: ['core', 'platform', 'sidecar', 'control-plane', 'injector'],
  examples: [],
  test: [
    'core',
    'proto',
    'platform',
    'api',
    'proxy',
    'sidecar',
    'control-plane',
    'injector',
    'cli',
    'deploy',
    'bench',
    'docs',
  ],
}

/** Folders of a room in the order in which its work meets them: none imports one before it. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  api: ['client', 'columns', 'forms', 'texts', 'objects'],
  cli: [
    'program',
    ...['policy', 'can-i', 'who-can'],
    ...['audit', 'backup', 'chain', 'check', 'completion', 'explain', 'replay', 'reset', 'revoke'],
    ...['sessions', 'version', 'rules'],
    ...['approvals', 'notifications'],
    ...['command', 'arguments', 'terminal'],
  ],
  injector: ['front', 'review', 'verification', 'injection', 'chains', 'admission', 'cluster'],
  proxy: [
    ...['front', 'exchange', 'self-review', 'judgement', 'answer', 'upstream', 'caller'],
    ...['session', 'wire'],
  ],
}

const GRPC = ['@bufbuild/protobuf', '@grpc/grpc-js']
const SERVER = ['hono', '@hono/node-server', ...GRPC, 'zod']
const MAY_INSTALL: Readonly<Record<string, readonly string[]>> = {
  core: ['re2js', '@bufbuild/cel', '@bufbuild/protobuf'],
  proto: GRPC,
  platform: ['pino', 'zod', '@prometheus-io/client', '@peculiar/x509', 'reflect-metadata'],
  api: [],
  proxy: ['@bufbuild/protobuf', 'hono', 'yaml'],
  sidecar: [...GRPC, 'zod'],
  'control-plane': [
    ...SERVER,
    '@grpc/reflection',
    '@kubernetes/client-node',
    'better-sqlite3',
    'grpc-health-check',
    'kysely',
    'sh-syntax',
    'ulid',
    'web-tree-sitter',
  ],
  injector: SERVER,
  cli: ['commander', '@kubernetes/client-node', 'yaml'],
  examples: ['@kubernetes/client-node'],
}

const everything = repositoryFiles()
const files = everything.filter(
  (path) => path.endsWith('.ts') && !path.startsWith('proto/gen/') && path.includes('/'),
)

describe.each(files)('%s', (path) => {
  const text = readText(path)
  const room = path.split('/')[0] ?? ''
  const isSuite = path.endsWith('.test.ts')
  const isTest = room === 'test' || isSuite

  test('keeps its size and its name', () => {
    const lines = text.split('\n').length
    expect(lines, 'lines of the file').toBeLessThanOrEqual(
      isSuite ? 2 * FILE_LINES_MAX : FILE_LINES_MAX,
    )
    expect(path).not.toMatch(BANNED_NAMES)
    expect(path).toMatch(/^[a-z0-9./-]+$/)
  })

  test('keeps its functions short', () => {
    const tooLong = isSuite
      ? []
      : functionLengths(text, room !== 'test').filter(({ lines }) => lines > FUNCTION_LINES_MAX)
    expect(tooLong).toEqual([])
  })

  test('says what its exported functions promise', () => {
    expect(isSuite ? [] : undocumentedExports(text)).toEqual([])
  })

  test('imports only what its room may', () => {
    const allowedRooms = isTest ? [...(MAY_IMPORT['test'] ?? []), 'test'] : MAY_IMPORT[room]
    const imports = importsOf(text)
    const rooms = imports
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(path), name)).split('/')[0] ?? '')
      .filter((name) => name !== room && name !== 'package.json')
    for (const imported of rooms) expect([room, ...(allowedRooms ?? [])]).toContain(imported)
    const packages = imports.filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    const fence =
      isTest || ['test', 'bench', 'deploy'].includes(room) ? undefined : MAY_INSTALL[room]
    const outside = packages.map(packageName).filter((name) => fence?.includes(name) === false)
    expect(outside).toEqual([])
  })

  test('imports no folder of its room that comes before its own', () => {
    const order = FOLDERS[room] ?? []
    const place = isTest ? -1 : order.indexOf(path.split('/')[1] ?? '')
    const back = importsOf(text)
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(path), name)))
      .filter((name) => name.startsWith(`${room}/`) && !name.endsWith('.test.ts'))
      .filter((name) => {
        const other = order.indexOf(name.split('/')[1] ?? '')
        return other >= 0 && other < place
      })
    expect(back).toEqual([])
  })

  test('has no unfinished business', () => {
    const words = ['TODO', 'FIXME', 'XXX'].filter((word) => new RegExp(`\\b${word}\\b`).test(text))
    expect(path === 'test/tidy.test.ts' ? [] : words).toEqual([])
    expect(path === 'test/tidy.test.ts' ? '' : text).not.toMatch(/vi\.mock\(/)
  })
})

test('every import leads to a file of the repository', () => {
  const known = new Set([...files, 'package.json'])
  const missing = files.flatMap((path) =>
    importsOf(readText(path))
      .filter((name) => name.startsWith('.') && name.endsWith('.ts'))
      .map((name) => normalize(join(dirname(path), name)))
      .filter((name) => !known.has(name) && !name.startsWith('proto/gen/'))
      .map((name) => `${path} -> ${name}`),
  )
  expect(missing).toEqual([])
})

test('a name of a type is declared once in the product rooms', () => {
  const rooms = /^(?:core|platform|proto|api|proxy|sidecar|control-plane|injector|cli)\//
  const product = files.filter((path) => rooms.test(path) && !path.endsWith('.test.ts'))
  const places = product.flatMap((path) => typesOf(readText(path)).map((name) => ({ path, name })))
  const byName = Object.groupBy(places, ({ name }) => name)
  const doubled = Object.values(byName).filter((found = []) => found.length > 1)
  expect(doubled).toEqual([])
})

test('a function called read… does I/O: it is asynchronous, or takes a path or a database', () => {
  const rooms = /^(?:core|platform|proto|api|proxy|sidecar|control-plane|injector|cli)\//
  const product = files.filter((path) => rooms.test(path) && !path.endsWith('.test.ts'))
  const found = product.flatMap((path) =>
    pureReads(readText(path)).map((name) => `${path}: ${name}`),
  )
  expect(found).toEqual([])
})

test('pureReads() names the functions called read… that do no I/O', () => {
  const text = [
    'export async function readFile(name: string) {}',
    'function readObject(key: string): Promise<string> {}',
    'function readText(path: string): string {}',
    'function readText(text: string): Path {}',
    'export function readRequest(',
    '  head: string,',
    '): Request {',
    'function readable() {}',
  ].join('\n')
  expect(pureReads(text)).toEqual(['readText', 'readRequest'])
})

test('typesOf() names interfaces, types and classes that a file declares', () => {
  const text = 'export interface One {}\ntype Two = One\n  type Inner = 1\nexport class Three {}\n'
  expect(typesOf(text)).toEqual(['One', 'Two', 'Three'])
})

test('no room imports in a circle', () => {
  const graph = new Map(
    files.map((path) => [
      path,
      importsOf(readText(path))
        .filter((name) => name.startsWith('.'))
        .map((name) => normalize(join(dirname(path), name))),
    ]),
  )
  expect(files.map((path) => circleFrom(path, graph)).find((circle) => circle !== undefined)).toBe(
    undefined,
  )
})

test('no file of the repository speaks of the machine it was written on', () => {
  const texts = everything.filter((path) => /\.(?:ts|mjs|md|json|ya?ml|go|tpl|txt|sh)$/.test(path))
  const found = texts.filter(
    (path) =>
      path !== 'test/tidy.test.ts' && /\/work\/(?:main|shared)|\.library/.test(readText(path)),
  )
  expect(found).toEqual([])
})

test('no file says "at once", which means immediately or at the same time, or "anew"', () => {
  const texts = everything.filter((path) => /\.(?:ts|mjs|md|ya?ml|proto|tpl|sh|txt)$/.test(path))
  const found = texts
    .filter((path) => path !== 'CONTRIBUTING.md' && path !== 'test/tidy.test.ts')
    .flatMap((path) =>
      readText(path)
        .split('\n')
        .map((line, index) => ({ path, line, index })),
    )
    .filter(({ line }) => /\b(?:at once|anew)\b/i.test(line))
    .map(({ path, line, index }) => `${path}:${index + 1}: ${line.trim()}`)
  expect(found).toEqual([])
})

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function pureReads(text: string): readonly string[] {
  const found = text.matchAll(
    /^\s*(?:export )?(async )?function\*? (read(?:[A-Z]\w*)?)(\([\s\S]*?) \{\}?$/gm,
  )
  return [...found]
    .filter(([, async, , signature = '']) => async === undefined && !DOES_IO.test(signature))
    .map(([, , name = '']) => name)
}

const DOES_IO = /\b(?:Promise|AsyncGenerator)<|\b(?:path|db|kubeconfig)\b/

function typesOf(text: string): readonly string[] {
  const found = text.matchAll(/^(?:export )?(?:interface|type|(?:abstract )?class) (\w+)/gm)
  return [...found].map(([, name = '']) => name)
}

function importsOf(text: string): readonly string[] {
  const found = text.matchAll(/(?:\bfrom|^import) '([^'\n]+)'/gm)
  return [...found].map((match) => match[1] ?? '')
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

test('functionLengths() measures functions, methods and arrows, whole or less what is inside them', () => {
  const text = [
    'export async function outer(',
    '  a: number,',
    '): Promise<void> {',
    '  const arrow = async (x: number) => {',
    '    if (x > 1) {',
    '      go()',
    '    } else {',
    '      stop()',
    '    }',
    '  }',
    '  return {',
    '    method(b: string): void {',
    '      run(b)',
    '    },',
    '    async wide(',
    '      c: string,',
    '    ): Promise<void> {',
    '      run(c)',
    '    },',
    '  }',
    '}',
    'each((x) => {',
    '  run(x)',
    '}, 5)',
  ].join('\n')
  expect(functionLengths(text, true)[0]).toEqual({
    name: 'export async function outer(',
    lines: 21,
  })
  expect(functionLengths(text, false)).toEqual([
    { name: 'export async function outer(', lines: 8 },
    { name: 'const arrow = async (x: number) => {', lines: 7 },
    { name: 'method(b: string): void {', lines: 3 },
    { name: '): Promise<void> {', lines: 3 },
    { name: 'each((x) => {', lines: 3 },
  ])
})

test('undocumentedExports() names functions without a docstring right above them', () => {
  const text = [
    '/** Says so. */',
    'export function one() {}',
    '',
    'export async function two() {}',
    '/** Not this one. */',
    '',
    'export default function three() {}',
    'function four() {}',
  ].join('\n')
  expect(undocumentedExports(text)).toEqual(['two', 'three'])
})

function undocumentedExports(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const name = /^export (?:default )?(?:async )?function\*? ?(\w*)/.exec(line)?.[1]
    return name === undefined || lines[index - 1]?.endsWith('*/') === true ? [] : [name]
  })
}

interface FunctionSpan {
  readonly name: string
  readonly start: number
  readonly end: number
}

/**
 * Lines of each function: its whole span, or less the functions inside it for fixtures of tests, which hold
 * many short ones. Formatted code closes a function at the indentation where it opened.
 */
function functionLengths(text: string, whole: boolean): readonly { name: string; lines: number }[] {
  const found = functionSpans(text.split('\n'))
  return found.map(({ name, start, end }) => {
    if (whole) return { name, lines: end - start + 1 }
    const within = found.filter((other) => other.start > start && other.end < end)
    const direct = within.filter(
      (one) => !within.some((other) => other.start < one.start && other.end > one.end),
    )
    const inside = direct.reduce((sum, one) => sum + one.end - one.start + 1, 0)
    return { name, lines: end - start + 1 - inside }
  })
}

function functionSpans(lines: readonly string[]): readonly FunctionSpan[] {
  const spans: FunctionSpan[] = []
  for (const [start, line] of lines.entries()) {
    const isDeclaration = DECLARATION.test(line)
    if (!isDeclaration && !ARROW.test(line) && !METHOD.test(line)) continue
    const close = `${/^\s*/.exec(line)?.[0] ?? ''}}`
    // The parameters of a declaration may end with a brace of their own: `}): void {`.
    const ends = (other: string) => (isDeclaration ? other === close : other.startsWith(close))
    const end = lines.findIndex((other, index) => index > start && ends(other))
    // A signature over several lines ends with what looks like a method.
    if (spans.some((other) => other.end === end && other.start < start)) continue
    spans.push({ name: line.trim(), start, end: end < 0 ? start : end })
  }
  return spans
}

const DECLARATION = /^\s*(?:export )?(?:default )?(?:async )?function\b/
const ARROW = /=> \{$/
/** `name(…) {` that is no statement, or the last line of such a signature. */
const METHOD =
  /^\s*(?:(?!(?:if|for|while|switch|catch|return|function)\b)(?:static |async |get |set |\*)*\w+\(.*\).*|\): .*) \{$/

function circleFrom(
  start: string,
  graph: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return undefined
    done.add(path)
    for (const next of graph.get(path) ?? []) {
      const circle = visit(next, [...trail, path])
      if (circle !== undefined) return circle
    }
    return undefined
  }
  return visit(start, [])
}
