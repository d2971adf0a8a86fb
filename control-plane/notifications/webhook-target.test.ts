import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseWebhookTarget, readWebhookTargets } from './webhook-target.ts'

const KEY = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const GOOD = { url: 'https://hooks.example.com/x?secret=1', keys: [KEY] }

describe('parseWebhookTarget()', () => {
  const parse = (value: unknown) => parseWebhookTarget('chat', JSON.stringify(value))

  test('reads what is set, and signs unless told otherwise', () => {
    expect(parse(GOOD)).toMatchObject({ name: 'chat', format: 'standard', namespaces: undefined })
    const slack = { url: GOOD.url, format: 'slack', namespaces: ['team'], caCertificate: 'pem' }
    expect(parse(slack)).toMatchObject({ keys: [], namespaces: ['team'], caCertificate: 'pem' })
  })

  test.each([
    ['http', { ...GOOD, url: 'http://hooks.example.com/' }, /url/],
    ['another scheme', { ...GOOD, url: 'file:///etc/passwd' }, /url/],
    ['no address', { keys: [KEY] }, /url/],
    ['no key', { url: GOOD.url }, /keys is empty/],
    ['a short key', { ...GOOD, keys: ['whsec_AAAA'] }, /A key is whsec_/],
    ['another format', { ...GOOD, format: 'teams' }, /format/],
    ['no namespace at all', { ...GOOD, namespaces: [] }, /namespaces/],
    ['a misspelt field', { ...GOOD, key: KEY }, /file \(unrecognized_keys\)/],
    ['a list', [GOOD], /file/],
  ])('refuses %s without its value', (_what, value, problem) => {
    expect(() => parse(value)).toThrow(problem)
    expect(() => parse(value)).not.toThrow(/secret=1|passwd/)
  })

  test('does not quote a file that is no JSON', () => {
    expect(() => parseWebhookTarget('chat', '{"url": "https://s3cret')).toThrow(
      /^The file is no JSON$/,
    )
  })
})

describe('readWebhookTargets()', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanyard-webhooks-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  test('has none where the folder is not', async () => {
    expect(await readWebhookTargets(join(folder, 'absent'))).toEqual({ targets: [], broken: [] })
  })

  test('reads each file, and lets the others count when one is wrong', async () => {
    await mkdir(join(folder, '..data'))
    await writeFile(join(folder, 'chat.json'), JSON.stringify(GOOD))
    await writeFile(join(folder, 'pager.json'), '{}')
    await writeFile(join(folder, 'Notes.txt'), 'hello')
    const { targets, broken } = await readWebhookTargets(folder)
    expect(targets.map(({ name }) => name)).toEqual(['chat'])
    expect(broken).toMatchObject([{ name: 'unnamed' }, { name: 'pager' }])
  })

  test('takes sixteen', async () => {
    const names = Array.from({ length: 17 }, (_, index) => `hook-${String(index).padStart(2, '0')}`)
    for (const name of names) await writeFile(join(folder, `${name}.json`), JSON.stringify(GOOD))
    const { targets, broken } = await readWebhookTargets(folder)
    expect(targets).toHaveLength(16)
    expect(broken).toMatchObject([{ name: 'hook-16' }])
  })

  test('throws for a folder that is none', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(readWebhookTargets(join(folder, 'file'))).rejects.toMatchObject({
      code: 'config_invalid',
    })
  })
})
