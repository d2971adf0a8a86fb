import { join } from 'node:path'
import { findGo, goEnvironment } from '../cluster/go-toolchain.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

const SOURCES = ['main.go', 'hearing.go', 'objects.go', 'tunnels.go', 'go.mod', 'go.sum']

/** The program of client-go, called `client`. */
export async function buildGo(log: Log): Promise<string> {
  return ensureFolder(
    {
      name: 'go',
      sources: SOURCES.map((file) => `go/${file}`),
      recipe: 1,
      takes: 'about two minutes',
      build: async (folder) => {
        const go = await findGo(log)
        const output = join(folder, 'client')
        await mustRun([go, 'build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], {
          cwd: join(import.meta.dirname, 'go'),
          env: goEnvironment(go),
        })
      },
    },
    log,
  )
}
