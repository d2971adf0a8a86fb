import { Command, CommanderError } from 'commander'
import { Fault } from '../core/fault.ts'
import { faultStatus } from '../core/kubernetes/status.ts'
import type { CommandContext } from './command-context.ts'
import { escapeText } from './escape-text.ts'
import { addGlobalOptions, type GlobalOptions } from './global-options.ts'
import { loadKubeconfig } from './kubeconfig.ts'
import { createKubernetesClient } from './kubernetes-client.ts'
import { toJson } from './output-format.ts'
import { addSubcommands } from './subcommands.ts'
import { createTerminal, type TerminalOptions } from './terminal.ts'
import { examples, programName } from './usage-text.ts'

/** 0 done, 1 failed or something is wrong, 2 called in a wrong way. */
export type ExitCode = number
const FAILED = 1
const WRONG_USAGE = 2

export interface Surroundings extends Omit<TerminalOptions, 'color'> {
  /** Path of the program, as in argv[1]. */
  readonly invokedAs: string
  readonly version: string
  /** Unix milliseconds. */
  now(): number
}

/** Runs one command line (without the program's own name) and resolves with its exit code. */
export async function runCli(args: readonly string[], around: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  const program = createProgram(around, async (options, run) => {
    exitCode = await run(createContext(options, around))
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE
    reportFault(Fault.from(error), program.opts<GlobalOptions>(), around)
    return FAILED
  }
}

/** What a person or, with `-o json`, a program is told of a failure. */
function reportFault(fault: Fault, { output }: GlobalOptions, { stderr }: Surroundings): void {
  const unexpected = fault.code === 'internal' && fault.cause instanceof Error
  const message = unexpected ? `${fault.message}: ${(fault.cause as Error).message}` : fault.message
  if (output === 'json') {
    stderr.write(toJson({ ...faultStatus(fault), message }))
  } else {
    stderr.write(`error: ${escapeText(message)}\n`)
  }
}

function createContext(options: GlobalOptions, around: Surroundings): CommandContext {
  const config = loadKubeconfig({
    env: around.env,
    ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
    ...(options.context === undefined ? {} : { context: options.context }),
  })
  return {
    client: createKubernetesClient(config, {
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.as === undefined ? {} : { impersonate: options.as }),
      timeoutMs: options.requestTimeout,
      userAgent: `kubectl-lanyard/${around.version} (${process.platform}/${process.arch})`,
    }),
    terminal: createTerminal({ ...around, color: options.color }),
    output: options.output,
    allNamespaces: options.allNamespaces === true,
    headers: options.headers,
    utc: options.utc === true,
    program: programName(around.invokedAs),
    version: around.version,
    now: around.now,
  }
}

type Action = (
  options: GlobalOptions,
  run: (context: CommandContext) => Promise<ExitCode>,
) => Promise<void>

function createProgram(around: Surroundings, action: Action): Command {
  const name = programName(around.invokedAs)
  const program = new Command(name)
  program
    .description('Shows for whom pods act, and every decision that was made about their requests.')
    .version(around.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      writeErr: (text) => void around.stderr.write(text),
      outputError: (text, write) => write(`${text.trimEnd()}\nSee '${name} --help'.\n`),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .addHelpText('before', examples(name, PROGRAM_EXAMPLES))
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
