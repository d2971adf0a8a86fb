import { describe, expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { hasCredentialBody, parseCredentialBody } from './credential-body.ts'

const TOKEN = { resource: 'serviceaccounts' }
const SECRET = { resource: 'secrets' }
const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const text = (value: string) => Uint8Array.from(Buffer.from(value, 'latin1'))

/** A length-delimited field. */
const field = (number: number, value: string): string =>
  String.fromCharCode(number * 8 + 2, value.length) + value
const unknown = (raw: string): string => `k8s\0${field(1, field(1, 'v1'))}${field(2, raw)}`
const spec = (...audiences: string[]): string =>
  field(2, `${audiences.map((audience) => field(1, audience)).join('')}\x20\x90\x1c`)

describe('hasCredentialBody()', () => {
  test.each([
    ['a TokenRequest', { verb: 'create', resource: 'serviceaccounts', subresource: 'token' }, true],
    ['a new Secret', { verb: 'create', resource: 'secrets' }, true],
    [
      'a Secret that is applied',
      { verb: 'patch', resource: 'secrets', alsoVerbs: ['create'] },
      true,
    ],
    ['a service account', { verb: 'create', resource: 'serviceaccounts' }, false],
    ['a Secret that is patched', { verb: 'patch', resource: 'secrets' }, false],
    ['another group', { verb: 'create', resource: 'secrets', apiGroup: 'x.io' }, false],
    ['another URL', { verb: 'create', resource: 'secrets', resourceRequest: false }, false],
  ])('knows %s', (_name, request, want) => {
    expect(hasCredentialBody(aRequest(request))).toBe(want)
  })
})

describe('parseCredentialBody()', () => {
  test.each<[string, typeof TOKEN, string | undefined, string, readonly string[], string]>([
    [
      'audiences',
      TOKEN,
      'application/json',
      '{"spec":{"audiences":["vault","x"]}}',
      ['vault', 'x'],
      '',
    ],
    ['no content type', TOKEN, undefined, '{"spec":{"audiences":["vault"]}}', ['vault'], ''],
    ['parameters of the type', TOKEN, 'Application/JSON; charset=utf-8', '{"spec":{}}', [], ''],
    ['an empty object', TOKEN, 'application/json', '{}', [], ''],
    ['null for the spec', TOKEN, 'application/json', '{"spec":null}', [], ''],
    ['null for the audiences', TOKEN, 'application/json', '{"spec":{"audiences":null}}', [], ''],
    ['another case', TOKEN, 'application/json', '{"Spec":{"audiences":["vault"]}}', [], ''],
    // Go merges the two: what it takes is vault; to read less is to refuse more.
    [
      'a spec that stands twice',
      TOKEN,
      'application/json',
      '{"spec":{"audiences":["vault"]},"spec":{}}',
      [],
      '',
    ],
    ['escapes', TOKEN, 'application/json', '{"spec":{"audiences":["\\u0061pi"]}}', ['api'], ''],
    ['a type', SECRET, 'application/json', '{"type":"kubernetes.io/tls"}', [], 'kubernetes.io/tls'],
    ['no type', SECRET, 'application/json', '{"data":{}}', [], ''],
    ['the last of two types', SECRET, 'application/json', '{"type":"a","type":"b"}', [], 'b'],
    ['Protobuf audiences', TOKEN, PROTOBUF, unknown(spec('vault', 'x')), ['vault', 'x'], ''],
    [
      'Protobuf specs that stand twice',
      TOKEN,
      PROTOBUF,
      unknown(spec('api') + spec('vault')),
      ['api', 'vault'],
      '',
    ],
    ['Protobuf without a spec', TOKEN, PROTOBUF, unknown(field(1, '')), [], ''],
    [
      'a Protobuf type',
      SECRET,
      PROTOBUF,
      unknown(field(1, 'm') + field(3, 'Opaque')),
      [],
      'Opaque',
    ],
    [
      'the last of two Protobuf types',
      SECRET,
      PROTOBUF,
      unknown(field(3, 'a') + field(3, 'b')),
      [],
      'b',
    ],
    ['a Protobuf Secret without a type', SECRET, PROTOBUF, unknown(field(1, 'm')), [], ''],
  ])('reads %s', (_name, request, contentType, body, audiences, secretType) => {
    expect(parseCredentialBody(request, contentType, text(body))).toEqual({ audiences, secretType })
  })

  test.each<[string, typeof TOKEN, string | undefined, string]>([
    ['nothing', TOKEN, 'application/json', ''],
    ['YAML', TOKEN, 'application/yaml', 'spec: {audiences: [vault]}'],
    ['CBOR', TOKEN, 'application/cbor', '\xa0'],
    ['an applied YAML', SECRET, 'application/apply-patch+yaml', '{"type":"Opaque"}'],
    ['a list', TOKEN, 'application/json', '[]'],
    ['text after the object', TOKEN, 'application/json', '{"spec":{"audiences":["vault"]}} {}'],
    [
      'a byte order mark',
      TOKEN,
      'application/json',
      '\xef\xbb\xbf{"spec":{"audiences":["vault"]}}',
    ],
    ['what is no UTF-8', TOKEN, 'application/json', '{"spec":{"audiences":["vault\xff"]}}'],
    ['a spec that is a list', TOKEN, 'application/json', '{"spec":[]}'],
    ['audiences that are a text', TOKEN, 'application/json', '{"spec":{"audiences":"vault"}}'],
    // Go puts an empty text in the place of null.
    [
      'an audience that is null',
      TOKEN,
      'application/json',
      '{"spec":{"audiences":["vault",null]}}',
    ],
    // Go keeps what an earlier field said.
    [
      'a type that is null',
      SECRET,
      'application/json',
      '{"type":"kubernetes.io/service-account-token","type":null}',
    ],
    ['Protobuf without its magic', TOKEN, PROTOBUF, spec('vault')],
    ['Protobuf that is cut short', TOKEN, PROTOBUF, unknown(spec('vault')).slice(0, -2)],
    ['Protobuf of two objects', TOKEN, PROTOBUF, unknown(spec('vault')) + field(2, spec('api'))],
    ['Protobuf that is encoded', TOKEN, PROTOBUF, unknown(spec('vault')) + field(3, 'gzip')],
    ['a spec that is a number', TOKEN, PROTOBUF, unknown(`${spec('vault')}\x10\x01`)],
    // Go cuts a tag to 32 bits: this one is field 2 to it.
    [
      'a tag that is too long',
      TOKEN,
      PROTOBUF,
      unknown(`${spec('vault')}\x92\x80\x80\x80\x80\x01\x00`),
    ],
    ['a group', TOKEN, PROTOBUF, unknown(`${spec('vault')}\x13\x14`)],
  ])('does not read %s', (_name, request, contentType, body) => {
    expect(parseCredentialBody(request, contentType, text(body))).toBeUndefined()
  })
})
