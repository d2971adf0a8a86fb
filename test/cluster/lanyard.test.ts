import { expect, test } from 'vitest'
import { releaseAction } from './lanyard.ts'

const said = (status: string) => ({
  exitCode: 0,
  stdout: JSON.stringify({ name: 'lanyard', info: { status }, version: 1 }),
  stderr: '',
})

test.each([
  ['deployed', 'upgrade'],
  ['pending-install', 'reinstall'],
  ['pending-upgrade', 'reinstall'],
  ['pending-rollback', 'reinstall'],
  ['failed', 'reinstall'],
  ['uninstalling', 'reinstall'],
  ['', 'reinstall'],
])('releaseAction() of a release that is "%s" is %s', (status, want) => {
  expect(releaseAction(said(status))).toBe(want)
})

test('releaseAction() installs where there is no release', () => {
  const stderr = 'Error: release: not found\n'
  expect(releaseAction({ exitCode: 1, stdout: '', stderr })).toBe('install')
})

test('releaseAction() does not take a cluster that is away for one without a release', () => {
  const stderr = 'Error: Kubernetes cluster unreachable\n'
  expect(() => releaseAction({ exitCode: 1, stdout: '', stderr })).toThrow(/unreachable/)
})
