import { join } from 'node:path'
import { findGo, goEnvironment } from '../cluster/go-toolchain.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

const SOURCES = ['main.go', 'go.mod', 'go.sum']

/** The path of a program that decodes lines as audit events of Kubernetes, strictly. */
export async function buildAuditCheck(log: Log): Promise<string> {
  const folder = await ensureFolder(
    {
      name: 'audit-check',
      sources: SOURCES.map((file) => `audit-check/${file}`),
      recipe: 1,
      takes: 'about a minute',
      build: async (target) => {
        const go = await findGo(log)
        const output = join(target, 'audit-check')
        await mustRun([go, 'build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], {
          cwd: join(import.meta.dirname, 'audit-check'),
          env: goEnvironment(go),
        })
      },
    },
    log,
  )
  return join(folder, 'audit-check')
}
