import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../core/duration.ts'
import { Fault } from '../../core/fault.ts'
import { parseNamespace, parseText } from '../arguments/object-name.ts'
import type { OutputFormat } from '../terminal/output-format.ts'

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly namespace?: string
  readonly allNamespaces?: boolean
  readonly context?: string
  readonly kubeconfig?: string
  readonly server?: string
  readonly token?: string
  readonly as?: string
  readonly asGroup?: readonly string[]
  /** Milliseconds. */
  readonly requestTimeout: number
  readonly output?: OutputFormat
  readonly headers: boolean
  readonly color: boolean
  readonly utc?: boolean
  /** `-v` */
  readonly v: number
}

const REQUEST_TIMEOUT_MS = 30_000

/** Adds the options of `GlobalOptions`, named as in kubectl where kubectl has them. */
export function addGlobalOptions(program: Command): void {
  const formats = new Option('-o, --output <format>', 'form of the output')
  program
    .option(
      '-n, --namespace <name>',
      'namespace; by default the one of the context',
      usable(parseNamespace),
    )
    .option('-A, --all-namespaces', 'look in all namespaces')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig; by default as kubectl finds it')
    .option('-s, --server <url>', 'address of the API server, such as that of kubectl proxy')
    .option('--token <token>', 'bearer token; other users of the machine may see it')
    .option('--as <user>', 'act as another user, if you may', usable(parseText))
    .option('--as-group <group>', 'act as a member of this group, too; may be repeated', collect)
    .addOption(
      new Option('--request-timeout <duration>', 'how long to wait for an answer; 0 waits for ever')
        .argParser(usable(parseDuration))
        .default(REQUEST_TIMEOUT_MS, '30s'),
    )
    .addOption(formats.choices(['json', 'yaml', 'name', 'wide']))
    .option('--no-headers', 'leave out the heads of tables')
    .option('--no-color', 'never use colours')
    .option('--utc', 'show times in UTC')
    .option('-v, --v <level>', 'from 6 on, print each request', usable(parseLevel), 0)
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function parseLevel(text: string): number {
  if (/^\d{1,2}$/.test(text)) return Number(text)
  throw new Fault('request_invalid', 'want a number from 0 to 9')
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
