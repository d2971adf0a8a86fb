import { expect, test } from 'vitest'
import { checkRecords } from './path-load.ts'

test.each([
  ['lanyard', { lanyard: 100, peer: 0 }],
  ['lanyard', { lanyard: 116, peer: 0 }],
  ['envoy-ext-authz-recorded', { lanyard: 0, peer: 100 }],
  ['direct', { lanyard: 0, peer: 0 }],
] as const)('checkRecords() accepts what %s records: %j', (path, recorded) => {
  expect(() => checkRecords(path, 100, recorded, 16)).not.toThrow()
})

test.each([
  ['lanyard', { lanyard: 99, peer: 0 }],
  ['lanyard', { lanyard: 117, peer: 0 }],
  ['lanyard', { lanyard: 100, peer: 1 }],
  ['envoy-ext-authz-recorded', { lanyard: 0, peer: 99 }],
  ['envoy-ext-authz-recorded', { lanyard: 100, peer: 100 }],
  ['envoy-ext-authz', { lanyard: 0, peer: 1 }],
  ['direct', { lanyard: 1, peer: 0 }],
] as const)('checkRecords() throws for what %s does not: %j', (path, recorded) => {
  expect(() => checkRecords(path, 100, recorded, 16)).toThrow(`100 requests over ${path}`)
})
