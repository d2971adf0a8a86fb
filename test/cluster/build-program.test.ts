import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildProgram, type ProgramBuild } from './build-program.ts'

/** Stands for Go: notes how it was called, and has one package that is stale. */
const FAKE_GO = `#!/bin/sh
echo "$*" >> calls
case "$*" in
  *'{{if .Stale}}'*) echo example.com/stale ;;
  *broken*) echo 'x.go:1: does not compile' >&2; exit 2 ;;
esac
`

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-build-'))
  writeFileSync(join(folder, 'go'), FAKE_GO, { mode: 0o755 })
})

afterEach(() => rmSync(folder, { recursive: true }))

function build(parts: Partial<ProgramBuild>, log: (line: string) => void = () => {}) {
  return buildProgram({
    go: join(folder, 'go'),
    title: 'thing',
    folder,
    flags: ['-trimpath'],
    linkerFlags: '-s',
    target: '.',
    isTest: false,
    output: 'out',
    log,
    ...parts,
  })
}

const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')

describe('buildProgram()', () => {
  test('counts what is to be compiled, then builds', async () => {
    const lines: string[] = []
    await build({}, (line) => lines.push(line))
    expect(calls()).toEqual([
      'list -deps -trimpath -ldflags=-s -f {{if .Stale}}{{.ImportPath}}{{end}} .',
      'build -v -trimpath -ldflags=-s -o out .',
    ])
    expect(lines[2]).toBe('Building thing (packages to compile: 1) ...')
  })

  test('compiles the packages of tests by name, which "go test" does in silence, and does not vet', async () => {
    await build({ isTest: true, target: 'example.com/e2e' })
    expect(calls().slice(1)).toEqual([
      'list -v -export -deps -test -trimpath -ldflags=-s -f  example.com/e2e',
      'test -c -vet=off -trimpath -ldflags=-s -o out example.com/e2e',
    ])
  })

  test.each([false, true])('throws with the words of the compiler: tests %s', async (isTest) => {
    await expect(build({ isTest, target: 'broken' })).rejects.toThrow('x.go:1: does not compile')
  })
})
