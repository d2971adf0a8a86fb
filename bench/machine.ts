import { cpus, release, totalmem } from 'node:os'
import type { Kubectl } from '../test/demo/kubectl.ts'
import type { MachineDescription } from './figures.ts'
import { readMachineTicks, sharesBetween } from './noise.ts'

const IDLE_MS = 3_000

/** What the figures are measured on, and how busy it is some seconds before. */
export async function describeMachine(admin: Kubectl): Promise<MachineDescription> {
  const version = (await admin.must(['get', '--raw', '/version'])).stdout
  const { gitVersion } = JSON.parse(version) as { readonly gitVersion: string }
  const processors = cpus()
  const before = await readMachineTicks()
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1_024 ** 3),
    kernel: release(),
    node: process.version,
    kubernetes: gitVersion,
    idle: sharesBetween(before, await readMachineTicks()).idle,
    date: new Date().toISOString(),
  }
}
