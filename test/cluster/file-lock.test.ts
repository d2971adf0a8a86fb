import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withFileLock } from './file-lock.ts'

const ignore = () => {}

test('withFileLock() lets one in at a time, in turn', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-lock-'))
  const path = join(folder, 'deep', 'lock')
  const steps: string[] = []
  const enter = (name: string) =>
    withFileLock(path, ignore, async () => {
      steps.push(`${name} in`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      steps.push(`${name} out`)
    })
  await Promise.all([enter('one'), enter('one'), enter('one')])
  expect(steps).toEqual(['one in', 'one out', 'one in', 'one out', 'one in', 'one out'])
  rmSync(folder, { recursive: true })
})

test('withFileLock() lets the next one in when work fails, and passes the failure on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-lock-'))
  const path = join(folder, 'lock')
  const failing = withFileLock(path, ignore, () => Promise.reject(new Error('no disk')))
  await expect(failing).rejects.toThrow('no disk')
  await expect(withFileLock(path, ignore, () => Promise.resolve(7))).resolves.toBe(7)
  rmSync(folder, { recursive: true })
})
