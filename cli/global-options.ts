import { type Command, InvalidArgumentError, Option } from 'commander'
import { Fault } from '../core/fault.ts'
import type { OutputFormat } from './output-format.ts'
import { parseDuration } from './time-text.ts'

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly namespace?: string
  readonly allNamespaces?: boolean
  readonly context?: string
  readonly kubeconfig?: string
  readonly as?: string
  /** Milliseconds. */
  readonly requestTimeout: number
  readonly output?: OutputFormat
  readonly headers: boolean
  readonly color: boolean
  readonly utc?: boolean
}

const REQUEST_TIMEOUT_MS = 30_000

export function addGlobalOptions(program: Command): void {
  const formats = new Option('-o, --output <format>', 'form of the output')
  program
    .option('-n, --namespace <name>', 'namespace; by default the one of the context')
    .option('-A, --all-namespaces', 'look in all namespaces')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig; by default as kubectl finds it')
    .option('--as <user>', 'act as another user, if you may')
    .addOption(
      new Option('--request-timeout <duration>', 'how long to wait for an answer; 0 waits for ever')
        .argParser(usable(parseDuration))
        .default(REQUEST_TIMEOUT_MS, '30s'),
    )
    .addOption(formats.choices(['json', 'yaml', 'wide']))
    .option('--no-headers', 'leave out the heads of tables')
    .option('--no-color', 'never use colours')
    .option('--utc', 'show times in UTC')
}

/** A reader of a value, as commander wants it: what it refuses is wrong usage. */
export function usable<Value>(read: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return read(text)
    } catch (error) {
      throw new InvalidArgumentError(Fault.from(error).message)
    }
  }
}
