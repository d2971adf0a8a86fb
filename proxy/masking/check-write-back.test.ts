import { describe, expect, test } from 'vitest'
import { maskToken } from '../../core/masking/mask-token.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { checkWriteBack } from './check-write-back.ts'

const key = Buffer.alloc(32, 3)
const token = maskToken(Buffer.from('hunter2'), key)
const base64 = Buffer.from(token).toString('base64')
const mask = { names: ['secret-values' as const], profiles: [], key }
const JSON_PATCH = 'application/json-patch+json'
const APPLY = 'application/apply-patch+yaml'

function check(contentType: string | undefined, body: string | Buffer): Promise<void> {
  const request = aRequest({ verb: 'patch', resource: 'secrets' })
  return checkWriteBack(mask, request, contentType, Buffer.from(body))
}

describe('checkWriteBack() refuses a token', () => {
  const written = JSON.stringify({ data: { user: 'eA==', password: base64 } })

  test.each([
    ['in a create or update', 'application/json', written, 'data.password'],
    ['without a content type', undefined, written, 'data.password'],
    ['in a merge patch', 'application/merge-patch+json', written, 'data.password'],
    ['in a strategic patch', 'application/strategic-merge-patch+json', written, 'data.password'],
    ['in an apply', APPLY, written, 'data.password'],
    ['in an apply of YAML', APPLY, `data:\n  password: ${base64}\n`, 'data.password'],
    ['in folded YAML', 'application/yaml', `data:\n  a: >\n    ${token}\n    x\n`, 'data.a'],
    [
      'in a JSON patch',
      JSON_PATCH,
      JSON.stringify([{ op: 'add', path: '/data/a', value: base64 }]),
      '[0].value',
    ],
    [
      'that is escaped',
      'application/json',
      `{"stringData":{"a":"\\u006c${token.slice(1)}"}}`,
      'stringData.a',
    ],
    [
      'in what was applied last',
      'application/json',
      JSON.stringify({ metadata: { annotations: { last: written } } }),
      'metadata.annotations.last',
    ],
    ['in protobuf', 'application/vnd.kubernetes.protobuf', `k8s\0\n\x09${token}`, 'the body'],
  ])('%s, and names it', async (_name, contentType, body, at) => {
    await expect(check(contentType, body)).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining(`${at} holds a mask token`),
    })
  })
})

test.each([
  ['a key twice', 'application/json', '{"data":{},"data":{}}'],
  ['a second value', 'application/json', '{} {}'],
  ['what is no JSON', 'application/json', 'data: x'],
  ['what is not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
  ['two documents', 'application/yaml', 'a: b\n---\nc: d\n'],
  ['an anchor', 'application/yaml', 'a: &x b\nc: *x\n'],
  ['CBOR', 'application/cbor', Buffer.from([0xa0])],
  ['another type', 'text/plain', '{}'],
  ['a type that is a property', 'constructor', '{}'],
])('checkWriteBack() refuses %s', async (_name, contentType, body) => {
  await expect(check(contentType, body)).rejects.toMatchObject({ code: 'request_invalid' })
})

test.each([
  ['a new value', 'application/json', '{"data":{"password":"eA=="}}'],
  ['a value of YAML', APPLY, 'stringData:\n  password: x\n'],
  ['the end of a value', 'application/merge-patch+json', '{"data":{"password":null}}'],
  ['a JSON patch', JSON_PATCH, '[{"op":"add","path":"/data/a","value":"eA=="}]'],
  ['options of a delete', 'application/json', '{"kind":"DeleteOptions","apiVersion":"v1"}'],
  ['protobuf', 'application/vnd.kubernetes.protobuf', 'k8s\0\n\x09x'],
])('checkWriteBack() takes %s', async (_name, contentType, body) => {
  await expect(check(contentType, body)).resolves.toBeUndefined()
})

test('checkWriteBack() refuses a JSON patch that tells', async () => {
  const patch = '[{"op":"test","path":"/data/password","value":"eA=="}]'
  await expect(check(JSON_PATCH, patch)).rejects.toMatchObject({
    code: 'permission_denied',
    message: expect.stringMatching(/^The patch is refused: \[0\]: a test of "\/data\/password"/),
  })
})
