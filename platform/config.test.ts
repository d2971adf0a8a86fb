import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { boolean, integer, loadConfig } from './config.ts'

const schema = z.strictObject({
  upstreamUrl: z.string().min(1),
  listenPort: integer({ min: 1024, max: 65_535 }).default(6443),
  quiet: boolean().default(false),
})

function load(
  parts: { args?: string[]; env?: Record<string, string>; file?: string } = {},
): Readonly<z.infer<typeof schema>> {
  return loadConfig(schema, {
    prefix: 'LANYARD',
    args: parts.args ?? [],
    env: parts.env ?? {},
    readFile: () => parts.file ?? '{}',
  })
}

describe('loadConfig()', () => {
  test('lets a flag win over the environment, and that over the file', () => {
    const file = '{"upstreamUrl":"file","listenPort":2000}'
    const env = { LANYARD_UPSTREAM_URL: 'environment', LANYARD_LISTEN_PORT: '3000' }
    const args = ['--config', 'x.json', '--upstream-url=flag']
    expect(load({ args, env, file })).toEqual({
      upstreamUrl: 'flag',
      listenPort: 3000,
      quiet: false,
    })
  })

  test('names all problems together', () => {
    const env = { LANYARD_LISTEN_PORT: '80', LANYARD_QUIET: 'yes' }
    expect(() => load({ env })).toThrow(/upstreamUrl[\s\S]*listenPort[\s\S]*quiet|Cannot start/)
    expect(() => load({ env })).toThrow(/listenPort/)
    expect(() => load({ env })).toThrow(/upstreamUrl/)
  })

  test.each([
    ['an unknown flag', { args: ['--upstream', 'x'] }, /unknown flag --upstream/],
    ['a flag without its value', { args: ['--upstream-url'] }, /wants a value/],
    ['an unknown key in the file', { args: ['--config=x'], file: '{"other":1}' }, /other/],
    ['a file that is not JSON', { args: ['--config=x'], file: 'a: b' }, /not JSON/],
    ['a file that is a list', { args: ['--config=x'], file: '[]' }, /not a JSON object/],
    [
      'an empty number',
      { env: { LANYARD_UPSTREAM_URL: 'x', LANYARD_LISTEN_PORT: '' } },
      /listenPort/,
    ],
  ])('refuses %s', (_name, parts, message) => {
    expect(() => load(parts)).toThrow(message)
  })

  test('ignores environment names that Kubernetes adds for Services', () => {
    const env = { LANYARD_UPSTREAM_URL: 'x', LANYARD_CONTROL_PLANE_PORT: 'tcp://10.0.0.1:8443' }
    expect(load({ env }).upstreamUrl).toBe('x')
  })
})
