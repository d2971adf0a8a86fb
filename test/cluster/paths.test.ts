import { afterEach, expect, test, vi } from 'vitest'
import { clusterPaths, fromCaller } from './paths.ts'

afterEach(() => void vi.unstubAllEnvs())

test.each([
  { where: 'npm was called', from: '/home/me', path: 'image.tar', want: '/home/me/image.tar' },
  { where: 'root is', from: '/home/me', path: '/image.tar', want: '/image.tar' },
  { where: 'we are without npm', from: undefined, path: 'x', want: `${process.cwd()}/x` },
])('fromCaller() begins where $where', ({ from, path, want }) => {
  vi.stubEnv('INIT_CWD', from)
  expect(fromCaller(path)).toBe(want)
})

test.each(['', '..', 'A', 'a/b', '.e2e', '1', 'a'.repeat(22)])(
  'clusterPaths() refuses %j as a name',
  (name) => expect(() => clusterPaths(name)).toThrow(/Cannot use/),
)
