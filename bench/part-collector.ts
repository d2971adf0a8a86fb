import type { Log } from '../test/cluster/progress.ts'
import type { Figures, PartName, Parts } from './figures.ts'

/** Collects what was measured, and why the rest was not: one part that fails costs no other. */
export class PartCollector {
  readonly #only: readonly PartName[] | undefined
  readonly #log: Log
  readonly #parts: Partial<Parts> = {}
  readonly #failures: Partial<Record<PartName, string>> = {}

  constructor(only: readonly PartName[] | undefined, log: Log) {
    this.#only = only
    this.#log = log
  }

  /** Whether any of these parts is to be measured. */
  wants(...names: readonly PartName[]): boolean {
    return names.some((name) => this.#only?.includes(name) ?? true)
  }

  /** Measures a part that is wanted. Never rejects: what `work` throws is kept as the reason. */
  async measure<Name extends PartName>(
    name: Name,
    work: () => Promise<Parts[Name]>,
  ): Promise<void> {
    if (!this.wants(name)) return
    try {
      this.#parts[name] = await work()
    } catch (error) {
      this.fail([name], error)
    }
  }

  /** Parts that could not be measured, since what all of them need failed. */
  fail(names: readonly PartName[], error: unknown): void {
    const words = error instanceof Error ? error.message : String(error)
    // One line of a table.
    const reason = words.replaceAll(/\s+/g, ' ').trim()
    for (const name of names.filter((one) => this.wants(one))) {
      this.#failures[name] = reason
      this.#log(`Not measured: ${name}: ${reason}`)
    }
  }

  finish(): Pick<Figures, 'parts' | 'failures'> {
    return { parts: this.#parts, failures: this.#failures }
  }
}
