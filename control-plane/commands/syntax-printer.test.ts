import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { beforeAll, expect, test } from 'vitest'
import { SyntaxPrinter } from './syntax-printer.ts'
import { compileWasm } from './web-assembly.ts'

let printer: SyntaxPrinter
beforeAll(async () => {
  const file = createRequire(import.meta.url).resolve('sh-syntax/main.wasm')
  printer = new SyntaxPrinter(await compileWasm(await readFile(file)))
})

test.each([
  ['ls   -l;pwd', 'ls -l\npwd\n'],
  ['if a;then b;fi', 'if a; then b; fi\n'],
  ["$'r\\x6d' é", "$'r\\x6d' é\n"],
  ['', '\n'],
])('SyntaxPrinter.print() writes %j as it understood it: %j', (script, printed) => {
  expect(printer.print(script)).toBe(printed)
})

test.each(['if', 'a (', "'", 'a | | b', '{ a'])(
  'SyntaxPrinter.print() understands no %j, and prints the next script all the same',
  (script) => {
    expect(printer.print(script)).toBeUndefined()
    expect(printer.print('ls')).toBe('ls\n')
  },
)
