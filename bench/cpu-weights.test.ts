import { expect, test } from 'vitest'
import { cpuFolder } from './cpu-weights.ts'

test.each([
  [
    'v1',
    '5:cpuset:/a\n4:cpu,cpuacct:/top/pod1/c\n1:name=systemd:/x\n',
    'cpu,cpuacct',
    '/top/pod1/c',
  ],
  ['v1, cpu alone', '2:cpu:/top/pod1/c\n0::/\n', 'cpu', '/top/pod1/c'],
  ['v1, cpu last', '2:cpuacct,cpu:/top\n', 'cpuacct,cpu', '/top'],
  ['v2', '0::/top/pod1/c\n', undefined, '/top/pod1/c'],
  ['v1 whose cpuset is no cpu', '5:cpuset:/a\n0::/b\n', undefined, '/b'],
])('cpuFolder finds the hierarchy and the path in %s', (_, groups, controllers, path) => {
  expect(cpuFolder(groups)).toEqual({ controllers, path })
})
