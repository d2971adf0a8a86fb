import { Command, CommanderError } from 'commander'
import { listChains } from '../../api/client/access-client.ts'
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../api/client/kubernetes-client.ts'
import { listObjects } from '../../api/client/list-objects.ts'
import {
  ACCESS_REQUESTS,
  type AccessRequestObject,
} from '../../api/objects/access-request-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import { faultStatus } from '../../core/kubernetes/status.ts'
import type { CommandContext } from '../command/command-context.ts'
import { addGlobalOptions, type GlobalOptions } from '../command/global-options.ts'
import { examples, programName } from '../command/usage-text.ts'
import { complete } from '../completion/completion.ts'
import { toJson } from '../terminal/output-format.ts'
import { createTerminal, type Terminal, type TerminalOptions } from '../terminal/terminal.ts'
import { loadKubeconfig, toClusterAccess } from './kubeconfig.ts'
import { addSubcommands } from './subcommands.ts'

/** 0 done, 1 failed or something is wrong, 2 called in a wrong way. */
export type ExitCode = number
const FAILED = 1
const WRONG_USAGE = 2

/** From where on kubectl's -v tells of requests. */
const REQUESTS_VERBOSITY = 6

export interface Surroundings extends Omit<TerminalOptions, 'color'> {
  /** Path of the program, as in argv[1]. */
  readonly invokedAs: string
  readonly version: string
  /** Unix milliseconds. */
  now(): number
}

/** Runs one command line (without the program's own name) and resolves with its exit code. */
export async function runCli(
  line: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const args = splitShortFlags(line)
  let exitCode: ExitCode = 0
  let wrongUsage = ''
  const tellUsage = (text: string) => {
    wrongUsage = text
      .trim()
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
  }
  const program = createProgram(surroundings, tellUsage, async (options, run) => {
    exitCode = await run(createContext(options, surroundings))
  })
  // What is wrong may stand before the option that says how to tell it.
  const asJson = asksForJson(args)
  if (args[0] === COMPLETE) {
    surroundings.stdout.write(await completeLine(program, args.slice(1), surroundings))
    return 0
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      reportFault(Fault.from(error), asJson, surroundings)
      return FAILED
    }
    if (error.exitCode === 0) return 0
    reportFault(new Fault('request_invalid', wrongUsage), asJson, surroundings)
    if (!asJson) surroundings.stderr.write(`See '${commandOf(program, args)} --help'.\n`)
    return WRONG_USAGE
  }
}

type Names = readonly { readonly metadata: { readonly name: string } }[]

/** A key was pressed: nothing but words may be written, and no one waits long. */
async function completeLine(
  program: Command,
  words: readonly string[],
  surroundings: Surroundings,
): Promise<string> {
  const silent = { ...surroundings, stderr: { write: () => {} } }
  async function listNames(list: (client: KubernetesClient) => Promise<Names>) {
    try {
      program.parseOptions(words.slice(0, -1))
      const options = { ...program.opts<GlobalOptions>(), requestTimeout: COMPLETE_TIMEOUT_MS }
      const { client } = createContext(options, silent)
      return (await list(client)).map(({ metadata }) => metadata.name)
    } catch {
      // Converted: without an answer nothing is completed, and the user types the name.
      return []
    }
  }
  const waiting = { 'status.phase': 'Pending' }
  return complete(program, words, {
    listPods: () => listNames((client) => listChains(client, client.namespace, {})),
    listRequests: () =>
      listNames(async (client) => {
        const selection = { scope: client.namespace, fields: waiting }
        return (await listObjects<AccessRequestObject>(client, ACCESS_REQUESTS, selection)).items
      }),
  })
}

/** kubectl takes `-o=json` too, which commander would read as the value `=json`. */
function splitShortFlags(line: readonly string[]): string[] {
  return line.flatMap((word) => {
    const [, flag, value] = /^(-[a-z])=(.*)$/is.exec(word) ?? []
    return flag === undefined || value === undefined ? [word] : [flag, value]
  })
}

/** The command that a line is about, for the way to its help. */
function commandOf(program: Command, args: readonly string[]): string {
  const names = program.commands.map((command) => command.name())
  const called = args.find((word) => names.includes(word))
  return called === undefined ? program.name() : `${program.name()} ${called}`
}

function asksForJson(args: readonly string[]): boolean {
  const line = ` ${args.join(' ')} `
  return / (?:-o ?|--output[ =])json /.test(line)
}

/** What a person or, with `-o json`, a program is told of a failure. */
function reportFault(fault: Fault, asJson: boolean, { stderr }: Surroundings): void {
  const unexpected = fault.code === 'internal' && fault.cause instanceof Error
  const message = unexpected ? `${fault.message}: ${(fault.cause as Error).message}` : fault.message
  if (asJson) {
    stderr.write(toJson({ ...faultStatus(fault), message }))
  } else {
    stderr.write(`error: ${escapeText(message)}\n`)
  }
}

function createContext(options: GlobalOptions, surroundings: Surroundings): CommandContext {
  const terminal = createTerminal({ ...surroundings, color: options.color })
  let client: KubernetesClient | undefined
  return {
    // Made when it is first used: not every command needs a cluster.
    get client() {
      client ??= connect(options, surroundings, terminal)
      return client
    },
    terminal,
    output: options.output,
    allNamespaces: options.allNamespaces === true,
    headers: options.headers,
    utc: options.utc === true,
    program: programName(surroundings.invokedAs),
    version: surroundings.version,
    now: surroundings.now,
  }
}

function connect(
  options: GlobalOptions,
  { env, version }: Surroundings,
  terminal: Terminal,
): KubernetesClient {
  const { kubeconfig, context, server, token, namespace, as, asGroup, v } = options
  const config = loadKubeconfig({
    env,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(server === undefined ? {} : { server }),
    ...(token === undefined ? {} : { token }),
  })
  return createKubernetesClient(toClusterAccess(config, namespace), {
    ...(as === undefined ? {} : { impersonate: as }),
    ...(asGroup === undefined ? {} : { impersonateGroups: asGroup }),
    ...(v < REQUESTS_VERBOSITY
      ? {}
      : { onRequest: (line: string) => terminal.err(`${escapeText(line)}\n`) }),
    timeoutMs: options.requestTimeout,
    userAgent: `kubectl-lanyard/${version} (${process.platform}/${process.arch})`,
  })
}

/** How completion scripts call the program; people do not. */
const COMPLETE = '__complete'
const COMPLETE_TIMEOUT_MS = 3_000

type Action = (
  options: GlobalOptions,
  run: (context: CommandContext) => Promise<ExitCode>,
) => Promise<void>

function createProgram(
  surroundings: Surroundings,
  tellUsage: (text: string) => void,
  action: Action,
): Command {
  const name = programName(surroundings.invokedAs)
  const program = new Command(name)
  program
    .description('Shows for whom pods act, and every decision that was made about their requests.')
    .version(surroundings.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
      outputError: tellUsage,
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .addHelpText('before', examples(name, PROGRAM_EXAMPLES))
    .addHelpText('after', EXIT_CODES)
  addGlobalOptions(program)
  program.allowExcessArguments().action(() => {
    const [unknown] = program.args
    if (unknown === undefined) program.outputHelp()
    else program.error(`error: unknown command ${JSON.stringify(unknown)}`)
  })
  addSubcommands(program, name, (run) => action(program.opts<GlobalOptions>(), run))
  return program
}

const PROGRAM_EXAMPLES = [
  ['chain build-x7k2 -n team', 'for whom a pod acts, and through whom'],
  ['audit -n team --effect deny', 'what was refused'],
  ['explain 01m83xj9780000000000000001', 'one decision in full'],
  ['check', 'whether Lanyard is installed well'],
] as const

const EXIT_CODES = `
Exit codes: 0 done; 1 it failed, was refused, or \`check\` found an error; 2 called in a wrong way.
Of \`approve\` and \`request wait\`, 3: the request still waits; 4: it was denied, cancelled, or expired.
With -o json a failure is told on stderr as a Kubernetes Status.`
