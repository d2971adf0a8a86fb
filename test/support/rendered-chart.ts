import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'

const CHART = resolve(import.meta.dirname, '../../deploy/chart')
const run = promisify(execFile)

// biome-ignore lint/suspicious/noExplicitAny: rendered objects are of every kind there is.
export type Manifest = any

export interface RenderedChart {
  /** As `helm template` prints it. */
  readonly text: string
  readonly objects: readonly Manifest[]
  /** Throws when there is none of this kind and name. */
  find(kind: string, name: string): Manifest
}

/** What Helm makes of the chart. Throws what Helm says when it refuses the values. */
export async function renderChart(
  helm: string,
  args: readonly string[] = [],
  namespace = 'lanyard-system',
): Promise<RenderedChart> {
  const command = ['template', 'lanyard', CHART, '--kube-version', '1.34.0', '-n', namespace]
  const { stdout } = await run(helm, [...command, ...args], { maxBuffer: 16 * 1_024 * 1_024 })
  const objects = parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest)
    .filter((object) => object !== null)
  return {
    text: stdout,
    objects,
    find(kind, name) {
      const found = objects.find((one) => one.kind === kind && one.metadata.name === name)
      if (found === undefined) throw new Error(`the chart renders no ${kind} ${name}`)
      return found
    },
  }
}
