import { expect, test } from 'vitest'
import { maskableForm, maskedAnswerHeaders, maskedRequestHeaders } from './mask-headers.ts'

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

test.each([
  ['nothing said', undefined, 'application/json'],
  ['nothing in it', ' ', 'application/json'],
  ['anything', '*/*', 'application/json'],
  ['what kubectl get sends', `${TABLE},application/json`, `${TABLE},application/json`],
  ['what client-go sends', `${PROTOBUF},application/json`, 'application/json'],
  [
    'metadata alone',
    `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`,
    'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  ],
  ['a watch', 'application/json;stream=watch', 'application/json;stream=watch'],
  ['another case', 'Application/JSON', 'application/json'],
  ['CBOR first', 'application/cbor;q=1,application/json;q=0.5', 'application/json;q=0.5'],
  ['YAML beside it', 'application/yaml,application/json', 'application/json'],
])('maskableForm() of %s', (_name, accept, want) => {
  expect(maskableForm(accept)).toEqual({ accept: want, isYaml: false })
})

test.each([
  ['what kubectl get sends', `${TABLE},application/json`, 'application/json'],
  [
    'a Table in another writing',
    'application/json; AS=table ;g=meta.k8s.io, */*',
    'application/json',
  ],
  ['a Table alone', TABLE, undefined],
  ['anything', '*/*', 'application/json'],
])('maskableForm() without Tables of %s', (_name, accept, want) => {
  expect(maskableForm(accept, false)?.accept).toBe(want)
})

test('maskableForm() of YAML alone asks for JSON, which is YAML', () => {
  expect(maskableForm('application/yaml')).toEqual({ accept: 'application/json', isYaml: true })
})

test.each([
  PROTOBUF,
  'application/cbor',
  'text/plain',
  'application/json;q=0',
  'application/json;profile="a,b"',
  'application/jsonx',
  ',',
])('maskableForm() of %j is none', (accept) => {
  expect(maskableForm(accept)).toBeUndefined()
})

test('maskedRequestHeaders() asks for all of it, as JSON, not compressed', () => {
  const headers = [
    ...[
      'Accept',
      PROTOBUF,
      'accept-encoding',
      'gzip',
      'Range',
      'bytes=0-1',
      'If-None-Match',
      '"x"',
    ],
    ...['audit-id', '01J'],
  ]
  expect(maskedRequestHeaders(headers, { accept: TABLE, isYaml: false })).toEqual([
    ...['audit-id', '01J', 'accept', TABLE, 'accept-encoding', 'identity'],
  ])
})

test('maskedAnswerHeaders() says nothing of bytes that are replaced', () => {
  const headers = [
    ...['Content-Length', '7', 'ETag', '"x"', 'Content-MD5', 'x', 'Digest', 'x', 'Date', 'now'],
    ...[
      'Content-Type',
      'application/json',
      'Accept-Ranges',
      'bytes',
      'Content-Encoding',
      'identity',
    ],
  ]
  const kept = maskedAnswerHeaders(headers, 'application/json')
  expect(kept).toEqual(['Date', 'now', 'content-type', 'application/json'])
  expect(maskedAnswerHeaders(headers, '')).toEqual(['Date', 'now'])
})
