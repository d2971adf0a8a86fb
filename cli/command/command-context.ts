import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import type { OutputFormat } from '../terminal/output-format.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** What every command gets besides its own options. */
export interface CommandContext {
  readonly client: KubernetesClient
  readonly terminal: Terminal
  readonly output: OutputFormat
  /** `-A` */
  readonly allNamespaces: boolean
  /** `--no-headers` */
  readonly headers: boolean
  /** `--utc` */
  readonly utc: boolean
  /** How the program was called, for hints: `kubectl lanyard`. */
  readonly program: string
  readonly version: string
  /** Unix milliseconds. */
  now(): number
}
