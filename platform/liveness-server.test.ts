import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startLivenessServer } from './liveness-server.ts'

const LOOPBACK = '127.0.0.1'

/** Asks from another process, since the loop of this one stands. */
function startAsking(port: number, afterMs: number): Promise<{ stdout: string }> {
  const program = `setTimeout(async () => {
    const answer = await fetch('http://${LOOPBACK}:${port}/livez')
    console.log(answer.status)
  }, ${afterMs})`
  return promisify(execFile)(process.execPath, ['-e', program])
}

function stand(forMs: number): void {
  const until = performance.now() + forMs
  while (performance.now() < until);
}

test.each([
  ['200 while the loop is busy', 60_000, '200'],
  ['503 once the loop has stood for too long', 200, '503'],
])('startLivenessServer() answers %s', async (_name, stuckMs, want) => {
  const server = await startLivenessServer({ port: 0, host: LOOPBACK, stuckMs, beatMs: 20 })
  const asked = startAsking(server.port, 500)
  await sleep(100)
  stand(4_000)
  expect((await asked).stdout.trim()).toBe(want)
  await server.close()
})

test('startLivenessServer() knows no other path, and serves no more once it is closed', async () => {
  const server = await startLivenessServer({ port: 0, host: LOOPBACK })
  const url = `http://${LOOPBACK}:${server.port}`
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  expect((await fetch(`${url}/metrics`)).status).toBe(404)
  await server.close()
  await expect(fetch(`${url}/livez`)).rejects.toThrow()
})

test('startLivenessServer() rejects when the port is taken', async () => {
  const other = createServer()
  await new Promise<void>((done) => other.listen(0, LOOPBACK, done))
  const { port } = other.address() as AddressInfo
  await expect(startLivenessServer({ port, host: LOOPBACK })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  other.close()
})

test('startLivenessServer() works as it is bundled, too', async () => {
  const { build } = await import('esbuild')
  const bundle = await build({
    entryPoints: [resolve(import.meta.dirname, 'liveness-server.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    minify: true,
  })
  const program = `${bundle.outputFiles[0]?.text ?? ''}
    module.exports.startLivenessServer({ port: 0, host: '${LOOPBACK}' }).then(async (server) => {
      console.log((await fetch('http://${LOOPBACK}:' + server.port + '/livez')).status)
      await server.close()
    })`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program])
  expect(stdout.trim()).toBe('200')
})
