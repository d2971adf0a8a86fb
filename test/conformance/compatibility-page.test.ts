import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DEFAULT_KUBERNETES, KUBERNETES_RELEASES } from '../cluster/kubernetes-versions.ts'
import { REPOSITORY } from '../cluster/paths.ts'
import { SKIPPED } from './chosen-specs.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'

/* docs/compatibility.md says what the tests run on, and what differs in Kubernetes' own suite. */

const page = readFileSync(join(REPOSITORY, 'docs/compatibility.md'), 'utf8')

/** Rows of the table whose head this is, each as its cells; a bar inside of a cell is escaped. */
function rowsBelow(head: string): readonly (readonly string[])[] {
  const lines = page.slice(page.indexOf(head)).split('\n').slice(2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  )
}

const code = (text: string) => `\`${text}\``

describe('docs/compatibility.md', () => {
  test('has each version of Kubernetes with its release, and which is the default', () => {
    const rows = rowsBelow('| Version | Release')
    const said = rows.map(([version = '', release]) => [/^[\d.]+/.exec(version)?.[0], release])
    expect(said).toEqual(Object.entries(KUBERNETES_RELEASES))
    const defaults = rows.filter(([version]) => version?.includes('the default'))
    expect(defaults.map(([version]) => version?.startsWith(DEFAULT_KUBERNETES))).toEqual([true])
  })

  test('names a test that is there for each thing that newer versions brought', () => {
    const rows = rowsBelow('| From | What')
    expect(rows.length).toBeGreaterThan(10)
    for (const [, what, , tests = ''] of rows) {
      const paths = [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
      expect(paths, what).not.toEqual([])
      for (const path of paths) expect(existsSync(join(REPOSITORY, path)), path).toBe(true)
    }
  })

  test('has the specs that are not run, with the reasons', () => {
    expect(rowsBelow('| Specs (regular expression)')).toEqual(
      SKIPPED.map(({ pattern, reason }) => [code(pattern), reason]),
    )
  })

  test('has each known difference with its reason', () => {
    expect(rowsBelow('| Spec | Why')).toEqual(
      KNOWN_DIFFERENCES.map(({ spec, reason }) => [code(spec), reason]),
    )
  })
})
