import { createHash, type Hash } from 'node:crypto'
import type { Observation } from './observation.ts'
import { TarReader } from './tar-reader.ts'

type Direction = 'to_pod' | 'from_pod'

/** Names, sizes and digests of the files that a `tar` of `kubectl cp` reads or writes, as far as the stream says them. */
export class FileWatch {
  readonly #direction: Direction
  readonly #emit: (event: Observation) => void
  readonly #tar: TarReader
  #hash: Hash | undefined
  #name = ''
  #size = 0

  constructor(direction: Direction, emit: (event: Observation) => void) {
    this.#direction = direction
    this.#emit = emit
    this.#tar = new TarReader({
      onFile: (name, size) => {
        this.#hash = createHash('sha256')
        this.#name = name
        this.#size = size
      },
      onFileData: (bytes) => void this.#hash?.update(bytes),
      onFileEnd: () => this.#tell(this.#hash?.digest('hex') ?? ''),
    })
  }

  toPod(bytes: Buffer): void {
    if (this.#direction === 'to_pod') this.#tar.push(bytes)
  }

  fromPod(bytes: Buffer): void {
    if (this.#direction === 'from_pod') this.#tar.push(bytes)
  }

  /** The session is over: a file that is not whole is told without a digest. */
  finish(): void {
    if (this.#hash !== undefined) this.#tell('')
  }

  #tell(sha256: string): void {
    this.#hash = undefined
    const bytes = this.#size
    this.#emit({ kind: 'file', direction: this.#direction, name: this.#name, bytes, sha256 })
  }
}

const OWN_FLAGS = /^-{0,2}[A-Za-z]+$/

/**
 * Which way the files of a command go; undefined for a command that is no `tar` to or from the tunnel. `kubectl cp`
 * runs `tar cf - PATH` and `tar -xmf - -C DIRECTORY` (kubectl pkg/cmd/cp/cp.go, v1.34).
 */
export function tarDirection(command: readonly string[]): Direction | undefined {
  const flags = tarFlags(command)
  const through = command.includes('-')
  if (!through || !flags.includes('f') || flags.includes('z')) return undefined
  if (flags.includes('c')) return 'from_pod'
  return flags.includes('x') ? 'to_pod' : undefined
}

/** Whether the output of a command is an archive of files, compressed or not, as that of `kubectl cp` from a pod is. */
export function writesArchive(command: readonly string[]): boolean {
  const flags = tarFlags(command)
  return flags.includes('c') && (command.includes('-') || !flags.includes('f'))
}

/** Letters of the first options of a `tar`; none of another program. */
function tarFlags(command: readonly string[]): string {
  const [program = '', ...words] = command
  if (program.split('/').at(-1) !== 'tar') return ''
  const isFlags = (word: string, index: number) =>
    index === 0 ? OWN_FLAGS.test(word) && !word.startsWith('--') : /^-[A-Za-z]/.test(word)
  return words.find(isFlags) ?? ''
}
