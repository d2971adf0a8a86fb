import { beforeAll, describe, expect, test } from 'vitest'
import { createTestAuthority } from '../test/support/test-certificates.ts'
import { createLogger } from './logger.ts'
import { createRequestHeaderSource, parseRequestHeaderConfig } from './request-header-config.ts'

const logger = createLogger({ name: 'test', level: 'error' }, { write: () => {} })

let caPem: string

beforeAll(async () => {
  caPem = (await createTestAuthority('front-proxy-ca')).certificatePem
})

function data(parts: Record<string, string> = {}): Record<string, string> {
  return {
    'requestheader-client-ca-file': caPem,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    ...parts,
  }
}

describe('parseRequestHeaderConfig()', () => {
  test('reads what Kubernetes publishes', () => {
    expect(
      parseRequestHeaderConfig(data({ 'requestheader-uid-headers': '["X-Remote-Uid"]' })),
    ).toEqual({
      clientCaPem: caPem,
      allowedNames: ['front-proxy-client'],
      usernameHeaders: ['x-remote-user'],
      uidHeaders: ['x-remote-uid'],
      groupHeaders: ['x-remote-group'],
      extraHeaderPrefixes: ['x-remote-extra-'],
    })
  })

  test.each([
    ['an empty ConfigMap', () => ({})],
    ['an empty authority', () => data({ 'requestheader-client-ca-file': ' \n' })],
  ])('says that there is no front proxy for %s', (_name, make) => {
    expect(parseRequestHeaderConfig(make())).toBeUndefined()
  })

  test.each([
    ['an authority that is no certificate', { 'requestheader-client-ca-file': 'x' }],
    ['names that are no JSON', { 'requestheader-allowed-names': 'front-proxy-client' }],
    ['names that are no list', { 'requestheader-allowed-names': '"front-proxy-client"' }],
    ['names that are no text', { 'requestheader-group-headers': '[1]' }],
    ['a header name that is none', { 'requestheader-group-headers': '["X Remote"]' }],
    ['no header for the user name', { 'requestheader-username-headers': '[]' }],
    ['an empty header name', { 'requestheader-username-headers': '[""]' }],
  ])('refuses %s', (_name, parts) => {
    expect(() => parseRequestHeaderConfig(data(parts))).toThrow(/front-proxy configuration/)
  })
})

describe('createRequestHeaderSource()', () => {
  test('knows nothing before it has read, and calls back on each change', async () => {
    let current = data()
    const source = createRequestHeaderSource({ read: async () => current, logger, reloadMs: 5 })
    let changes = 0
    const stop = source.onChange(() => {
      changes += 1
    })
    expect(source.current()).toBeUndefined()
    await source.start()
    expect(source.current()?.allowedNames).toEqual(['front-proxy-client'])
    current = data({ 'requestheader-allowed-names': '["other"]' })
    await expect.poll(() => source.current()?.allowedNames).toEqual(['other'])
    expect(changes).toBe(2)
    stop()
    source.close()
  })

  test('keeps what it knew when a read fails', async () => {
    let broken = false
    const source = createRequestHeaderSource({
      read: async () => {
        if (broken) throw new Error('no connection')
        return data()
      },
      logger,
      reloadMs: 5,
    })
    await source.start()
    broken = true
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(source.current()?.allowedNames).toEqual(['front-proxy-client'])
    source.close()
  })

  test.each([
    ['a first read that failed', () => Promise.reject(new Error('no connection'))],
    ['a first read that named no front proxy', () => Promise.resolve({})],
  ])('reads again soon after %s, not only when it is time', async (_name, first) => {
    const reads: (() => Promise<Record<string, string>>)[] = [first]
    const source = createRequestHeaderSource({
      read: () => (reads.shift() ?? (async () => data()))(),
      logger,
      retryMs: 5,
    })
    await source.start()
    expect(source.current()).toBeUndefined()
    await expect.poll(() => source.current()?.allowedNames).toEqual(['front-proxy-client'])
    source.close()
  })

  test('forgets a front proxy that the cluster no longer has', async () => {
    let current: Record<string, string> = data()
    const source = createRequestHeaderSource({ read: async () => current, logger, reloadMs: 5 })
    await source.start()
    current = {}
    await expect.poll(() => source.current()).toBeUndefined()
    source.close()
  })
})
