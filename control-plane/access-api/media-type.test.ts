import { expect, test } from 'vitest'
import { negotiate, type Representation } from './media-type.ts'

const OBJECTS: readonly Representation[] = ['object', 'Table', 'PartialObjectMetadata']
const KUBECTL =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

test.each([
  [undefined, 'object'],
  ['', 'object'],
  ['*/*', 'object'],
  ['application/json', 'object'],
  ['application/json;charset=utf-8', 'object'],
  [KUBECTL, 'Table'],
  ['application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json', 'object'],
  ['application/vnd.kubernetes.protobuf,application/json', 'object'],
  [
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    'PartialObjectMetadata',
  ],
  ['application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9', 'Table'],
  ['application/vnd.kubernetes.protobuf', undefined],
  ['application/json;as=Other;v=v1;g=meta.k8s.io', undefined],
  ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', undefined],
  ['application/json;q=0', undefined],
  ['text/html', undefined],
])('negotiate() of %j is %s', (accept, want) => {
  expect(negotiate(accept, OBJECTS)).toBe(want)
})
