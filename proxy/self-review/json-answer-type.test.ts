import { expect, test } from 'vitest'
import { jsonAnswerType } from './json-answer-type.ts'

test.each([
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['application/json', 'application/json'],
  ['application/vnd.kubernetes.protobuf, */*', 'application/json'],
  ['application/vnd.kubernetes.protobuf,application/json', 'application/json'],
  ['application/json;as=Table;v=v1;g=meta.k8s.io, application/json', 'application/json'],
  ['application/yaml', 'application/yaml'],
  ['application/vnd.kubernetes.protobuf', undefined],
  ['application/json;as=Table;v=v1;g=meta.k8s.io', undefined],
  ['application/json;q=0', undefined],
  ['application/cbor', undefined],
])('jsonAnswerType() of %j', (accept, want) => {
  expect(jsonAnswerType(accept)).toBe(want)
})
