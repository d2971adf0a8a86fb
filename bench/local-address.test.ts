import { expect, test } from 'vitest'
import { localAddress } from './local-address.ts'

const LOOPBACK = `Local:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.1
        /32 host LOCAL
`

test('localAddress finds the address of the pod among networks, broadcasts and loopback', () => {
  const trie = `${LOOPBACK}     +-- 10.88.0.0/16 2 0 2
        |-- 10.88.0.0
           /16 link UNICAST
        |-- 10.88.0.17
           /32 host LOCAL
     |-- 10.88.255.255
        /32 link BROADCAST
`
  expect(localAddress(trie)).toBe('10.88.0.17')
})

test('localAddress throws where there is only loopback', () => {
  expect(() => localAddress(LOOPBACK)).toThrow(/no address/)
})
