import { CompileProgress } from './compile-progress.ts'
import { goEnvironment } from './go-toolchain.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

export interface ProgramBuild {
  readonly go: string
  /** What to call it to whoever waits. */
  readonly title: string
  /** Of the Go module. */
  readonly folder: string
  readonly flags: readonly string[]
  readonly linkerFlags: string
  readonly target: string
  /** Whether the target is a package of tests, and its program is wanted. */
  readonly isTest: boolean
  readonly output: string
  readonly log: Log
}

/**
 * Builds a Go program, and says how far it is from the packages that are to be compiled. Throws with
 * the end of what the compiler said.
 */
export async function buildProgram(build: ProgramBuild): Promise<void> {
  const { title, log } = build
  const packages = await withProgress(log, `Fetching the sources of ${title}`, () =>
    countStale(build),
  )
  await withProgress(log, `Building ${title} (packages to compile: ${packages})`, (report) =>
    compile(build, packages, report),
  )
}

/** How many packages Go's own cache lacks. Downloads what is missing of the sources. */
async function countStale(build: ProgramBuild): Promise<number> {
  const flags = ['-deps', ...(build.isTest ? ['-test'] : []), ...sharedFlags(build)]
  const stale = '{{if .Stale}}{{.ImportPath}}{{end}}'
  const text = await runGo(build, ['list', ...flags, '-f', stale, build.target])
  return text.split('\n').filter((line) => line !== '').length
}

async function compile(
  build: ProgramBuild,
  packages: number,
  report: (state: string) => void,
): Promise<void> {
  const progress = new CompileProgress(packages, Date.now())
  report(progress.state(Date.now()))
  // With -v, Go names each package on a line of its own as it begins to compile it.
  const onError = (text: string) => {
    progress.begin(text.split('\n').length - 1)
    report(progress.state(Date.now()))
  }
  const { output, target, isTest } = build
  const flags = sharedFlags(build)
  if (!isTest) {
    await runGo(build, ['build', '-v', ...flags, '-o', output, target], onError)
    return
  }
  // "go test" names no package, so a list that wants them compiled does before it.
  await runGo(
    build,
    ['list', '-v', '-export', '-deps', '-test', ...flags, '-f', '', target],
    onError,
  )
  await runGo(build, ['test', '-c', '-vet=off', ...flags, '-o', output, target])
}

function sharedFlags({ flags, linkerFlags }: ProgramBuild): readonly string[] {
  return [...flags, `-ldflags=${linkerFlags}`]
}

function runGo(
  { go, folder }: ProgramBuild,
  args: readonly string[],
  onError?: (text: string) => void,
): Promise<string> {
  const options = { cwd: folder, env: goEnvironment(go) }
  return mustRun([go, ...args], onError === undefined ? options : { ...options, onError })
}
