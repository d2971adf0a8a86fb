import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeFileLock, withFileLock } from './file-lock.ts'

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

test('takeFileLock() holds until it is given back, and twice is no error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-lock-'))
  const path = join(folder, 'lock')
  const steps: string[] = []
  const release = await takeFileLock(path, ignore)
  const next = withFileLock(path, ignore, async () => void steps.push('next'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  steps.push('released')
  await release()
  await next
  await release()
  expect(steps).toEqual(['released', 'next'])
  rmSync(folder, { recursive: true })
})

test('withFileLock() keeps the lock when its process group is interrupted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-lock-'))
  const path = join(folder, 'lock')
  const program = `
    import { withFileLock } from ${JSON.stringify(join(import.meta.dirname, 'file-lock.ts'))}
    process.on('SIGINT', () => {})
    await withFileLock(process.argv[1], () => {}, async () => {
      console.log('in')
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      console.log('out')
    })`
  const args = ['--input-type=module', '-e', program, path]
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const said: string[] = []
  child.stdout.on('data', (chunk: Buffer) => said.push(String(chunk).trim()))
  await once(child.stdout, 'data')
  // What a terminal does on Ctrl-C: every process of the group gets it.
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await withFileLock(path, ignore, async () => void said.push('ours'))
  expect(said).toEqual(['in', 'out', 'ours'])
  rmSync(folder, { recursive: true })
})
