/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: scripts of shells */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { beforeAll, expect, test } from 'vitest'
import { Language, Parser } from 'web-tree-sitter'
import { parseScriptTree } from './script-tree.ts'

let parser: Parser
beforeAll(async () => {
  const { resolve } = createRequire(import.meta.url)
  const wasm = (name: string) => readFile(resolve(name))
  await Parser.init({ wasmBinary: await wasm('web-tree-sitter/web-tree-sitter.wasm') })
  parser = new Parser()
  parser.setLanguage(await Language.load(await wasm('tree-sitter-bash/tree-sitter-bash.wasm')))
})

function parse(script: string) {
  const tree = parser.parse(script)
  if (tree === null) throw new Error('no tree')
  return parseScriptTree(tree.rootNode)
}

test('parseScriptTree() tells the input of each command, and what it writes and assigns', () => {
  expect(parse('A=1 cat <in >out | sh; tee x <<E\nhi\nE')).toMatchObject([
    {
      ...{ words: [{ text: 'cat' }], assigned: ['A'], input: 'unknown' },
      writes: [{ text: 'out' }],
    },
    { words: [{ text: 'sh' }], input: 'unknown', writes: [] },
    { words: [{ text: 'tee' }, { text: 'x' }], input: { text: 'hi\n' } },
  ])
})

test('parseScriptTree() tells what is declared, and what loops and expansions assign', () => {
  const commands = parse('export A=1 B; for c in x; do echo $c; done; : ${D:=2}')
  const assigned = Array.isArray(commands) ? commands.flatMap((command) => command.assigned) : []
  expect(assigned.toSorted()).toEqual(['A', 'B', 'D', 'c'])
})

test.each([
  ['echo ${!x}', /may run what it holds/],
  [`${'('.repeat(210)}a${')'.repeat(210)}`, /too many parts/],
  ['a\n'.repeat(2_600), /too many parts/],
])('parseScriptTree() says why it does not understand a script', (script, problem) => {
  const read = parse(script)
  expect(typeof read === 'string' ? read : '').toMatch(problem)
})
