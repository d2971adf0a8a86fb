import { describe, expect, test } from 'vitest'
import { hasRightChecksum } from './credential-checks.ts'
import source from './credential-rules.json' with { type: 'json' }
import { compileCredentialRules } from './credential-rules.ts'
import { CredentialScanner } from './credential-scanner.ts'

const compiled = compileCredentialRules()

describe.each(source.rules)('$id', (rule) => {
  const own = compiled.filter((one) => one.rule.id === rule.id)
  const scanner = new CredentialScanner([], own)

  test('compileCredentialRules() knows its source, and one of its keywords begins each example', () => {
    expect(own).toHaveLength(1)
    expect(rule.source).toMatch(/^(?:https:\/\/|RFC \d+|[a-z.-]+\(\d\))/)
    expect(rule.keywords.join()).toMatch(/\S{2}/)
  })

  test.each(rule.examples.map((parts) => [parts.join('')]))('scanText() finds %j', (text) => {
    const { findings, pem } = scanner.scanText(text)
    expect(findings.map((one) => one.rule)).toContain(rule.id)
    expect(pem).toBeUndefined()
  })

  test.each([...rule.lookAlikes.map((parts) => [parts.join('')]), ['']])(
    'scanText() finds nothing in %j',
    (text) => {
      const { findings, pem } = scanner.scanText(text)
      expect(findings.filter((one) => one.rule === rule.id)).toEqual([])
      expect(pem).toBeUndefined()
    },
  )
})

test('compileCredentialRules() gives every rule a name of its own', () => {
  const ids = compiled.map(({ rule }) => rule.id)
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(
  source.rules
    .filter((rule) => rule.checksum !== undefined)
    .flatMap((rule) => rule.examples.map((parts) => [parts.join('')])),
)('hasRightChecksum() of %s, and not of another', (token) => {
  expect(hasRightChecksum(token)).toBe(true)
  expect(hasRightChecksum(token.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).toBe(false)
})
