import { cpus, release, totalmem } from 'node:os'
import type { Kubectl } from '../test/demo/kubectl.ts'
import type { MachineDescription } from './figures.ts'

/** What the figures were measured on. */
export async function describeMachine(admin: Kubectl): Promise<MachineDescription> {
  const version = (await admin.must(['get', '--raw', '/version'])).stdout
  const { gitVersion } = JSON.parse(version) as { readonly gitVersion: string }
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 1_024 ** 3),
    kernel: release(),
    node: process.version,
    kubernetes: gitVersion,
    date: new Date().toISOString(),
  }
}
