import { expect, test } from 'vitest'
import { createSocketReader, memoryLimitBytes, privateBytes } from './memory-readings.ts'

test('privateBytes() and memoryLimitBytes() read what the kernel says', () => {
  expect(privateBytes()).toBeGreaterThan(4 * 1024 * 1024)
  expect(memoryLimitBytes()).toBeGreaterThanOrEqual(0)
})

const STAT = 'anon 4096\nsock 8192\nshmem 1\n'
const KMEM = 'memory.kmem.tcp.usage_in_bytes'

test.each([
  ['v2', '0::/pod/app\n', { '/g/pod/app/memory.stat': STAT }, 8192],
  ['v2 in a container', '0::/\n', { '/g/memory.stat': STAT }, 8192],
  ['v2, mounted as root', '0::/../x\n', { '/g/memory.stat': STAT }, 8192],
  ['v1', '4:cpu,memory:/pod\n0::/\n', { [`/g/memory/pod/${KMEM}`]: '512\n' }, 512],
  ['v1 in a container', '4:memory:/pod\n', { [`/g/memory/${KMEM}`]: '0\n' }, 0],
  ['a kernel that does not say', '0::/\n', { '/g/memory.stat': 'anon 1\n' }, undefined],
  ['no groups', '', {}, undefined],
])('createSocketReader() with %s', (_name, groups, files, want) => {
  const read = (path: string) => new Map(Object.entries<string>(files)).get(path) ?? ''
  expect(createSocketReader(groups, '/g', read)?.()).toBe(want)
})
