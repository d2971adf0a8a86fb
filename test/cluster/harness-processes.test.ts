import { expect, test } from 'vitest'
import { runsHarness } from './harness-processes.ts'

const KEEPER = '/home/me/lanyard/test/cluster/keeper.ts'
const SUPERVISOR = '/home/me/lanyard/test/cluster/supervisor.ts'

test.each([
  { name: 'its keeper', argv: ['node', KEEPER, 'dev', '/kube'], want: true },
  {
    name: 'what wraps its supervisor',
    argv: ['unshare', '/kube', 'init', 'node', SUPERVISOR, 'dev'],
    want: true,
  },
  { name: 'no other cluster', argv: ['node', KEEPER, 'dev2', '/kube'], want: false },
  { name: 'no editor of the file', argv: ['vi', KEEPER], want: false },
  {
    name: 'no script of the same name elsewhere',
    argv: ['node', '/srv/keeper.ts', 'dev'],
    want: false,
  },
  { name: 'no kernel thread, which has no arguments', argv: [''], want: false },
])('runsHarness() knows $name', ({ argv, want }) => {
  expect(runsHarness(argv, 'dev', ['keeper', 'supervisor'])).toBe(want)
})

test('runsHarness() tells the programs apart', () => {
  expect(runsHarness(['node', KEEPER, 'dev'], 'dev', ['supervisor'])).toBe(false)
})
