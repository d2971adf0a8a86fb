import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { returnControllers, takeControllers } from './cgroup-controllers.ts'
import { removeTree } from './cgroups.ts'

let folder: string
let record: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-cgroup-'))
  record = join(folder, '.record')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** A plain file keeps the last thing that was written to it, where the kernel keeps the sum. */
const lastChange = () => readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8')

function makeHierarchy(available: string, handedDown: string): void {
  writeFileSync(join(folder, 'cgroup.controllers'), available)
  writeFileSync(join(folder, 'cgroup.subtree_control'), handedDown)
}

test('takeControllers() hands down and records only what was not handed down', async () => {
  makeHierarchy('cpu memory pids\n', 'cpu memory\n')
  await takeControllers(folder, record)
  expect(lastChange()).toBe('+pids')
  expect(readFileSync(record, 'utf8')).toBe('pids\n')
})

test('returnControllers() takes back what was handed down, and forgets it', async () => {
  makeHierarchy('cpu pids\n', 'cpu\n')
  await takeControllers(folder, record)
  await returnControllers(folder, 'lanyard-test-', record)
  expect(lastChange()).toBe('-pids')
  expect(existsSync(record)).toBe(false)
})

test('returnControllers() waits for the last cluster', async () => {
  makeHierarchy('pids\n', '\n')
  mkdirSync(join(folder, 'lanyard-test-other'))
  await takeControllers(folder, record)
  await returnControllers(folder, 'lanyard-test-', record)
  expect(lastChange()).toBe('+pids')
  rmdirSync(join(folder, 'lanyard-test-other'))
  await returnControllers(folder, 'lanyard-test-', record)
  expect(lastChange()).toBe('-pids')
})

test('takeControllers() leaves cgroup v1 alone, and so does returnControllers()', async () => {
  await takeControllers(folder, record)
  await returnControllers(folder, 'lanyard-test-', record)
  expect(existsSync(join(folder, 'cgroup.subtree_control'))).toBe(false)
  expect(existsSync(record)).toBe(false)
})

test('removeTree() removes leaves first, and does not mind that all is gone', async () => {
  const top = join(folder, 'a')
  mkdirSync(join(top, 'b', 'c'), { recursive: true })
  await removeTree(top)
  expect(existsSync(top)).toBe(false)
  await expect(removeTree(top)).resolves.toBeUndefined()
})

test('removeTree() says what stays and why', async () => {
  const top = join(folder, 'a')
  mkdirSync(top)
  writeFileSync(join(top, 'file'), '')
  await expect(removeTree(top)).rejects.toThrow(`Cannot remove the cgroup ${top}: ENOTEMPTY`)
})
