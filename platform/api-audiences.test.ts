import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Fault } from '../core/fault.ts'
import { readApiAudiences } from './api-audiences.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function folderWith(token: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-account-'))
  writeFileSync(join(folder, 'token'), token)
  return folder
}

describe('readApiAudiences()', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a list', ['https://oidc.example/id/1', 'k3s'], ['https://oidc.example/id/1', 'k3s']],
    ['a single one', 'https://kubernetes.default.svc', ['https://kubernetes.default.svc']],
  ])('takes %s', async (_name, aud, want) => {
    const folder = folderWith(`${encode({ alg: 'RS256' })}.${encode({ aud, sub: 'x' })}.sig\n`)
    expect(await readApiAudiences(folder)).toEqual(want)
  })

  test.each<[string, string]>([
    ['an empty file', ''],
    ['a token that is no JWT', 'opaque'],
    ['no audience', `h.${encode({ sub: 'x' })}.s`],
    ['an empty list', `h.${encode({ aud: [] })}.s`],
    ['an empty audience', `h.${encode({ aud: [''] })}.s`],
  ])('refuses %s, quoting none of it', async (_name, token) => {
    const error = await readApiAudiences(folderWith(token)).catch((thrown: unknown) => thrown)
    const message = "The injector's own token names no audience"
    expect(error).toEqual(new Fault('config_invalid', message))
    expect((error as Fault).cause).toBeUndefined()
  })

  test('refuses a folder without a token', async () => {
    await expect(readApiAudiences(tmpdir())).rejects.toThrow('ENOENT')
  })
})
