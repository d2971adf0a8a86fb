import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findGo, goEnvironment } from '../cluster/go-toolchain.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

/**
 * Programs of Kubernetes' own code that tests ask: `audit-check` decodes lines as audit events, strictly;
 * `request-info` reads requests as kube-apiserver does.
 */
type GoTool = 'audit-check' | 'request-info'

/** The path of such a program, which is built where the cache lacks it. */
export async function buildGoTool(tool: GoTool, log: Log): Promise<string> {
  const source = join(import.meta.dirname, tool)
  const files = (await readdir(source)).filter((file) => /\.(?:go|mod|sum)$/.test(file))
  const folder = await ensureFolder(
    {
      name: tool,
      sources: files.sort().map((file) => `${tool}/${file}`),
      recipe: 1,
      takes: 'about a minute',
      build: async (target) => {
        const go = await findGo(log)
        const output = join(target, tool)
        await mustRun([go, 'build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], {
          cwd: source,
          env: goEnvironment(go),
        })
      },
    },
    log,
  )
  return join(folder, tool)
}
