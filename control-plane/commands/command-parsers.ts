import type { ScriptReader } from '../../core/commands/script.ts'
import { Fault } from '../../core/fault.ts'
import type { Logger } from '../../platform/logger.ts'
import { limitScripts } from './limit-scripts.ts'
import { loadShellParsers } from './shell-parsers.ts'

const loadLimited = async () => limitScripts(await loadShellParsers())

/** The parsers of shell scripts, which are loaded when the first policy has command rules. */
export class CommandParsers {
  readonly #logger: Logger
  readonly #load: () => Promise<ScriptReader>
  #reader: ScriptReader | undefined
  #isLoading = false

  constructor(logger: Logger, load: () => Promise<ScriptReader> = loadLimited) {
    this.#logger = logger
    this.#load = load
  }

  /** The reader of scripts; undefined until it is loaded. */
  reader(): ScriptReader | undefined {
    return this.#reader
  }

  /** Begins to load once one of these objects has command rules; `onLoaded` is called when that is done. */
  loadFor(objects: readonly unknown[], onLoaded: () => void): void {
    if (this.#isLoading || this.#reader !== undefined || !objects.some(hasCommands)) return
    this.#isLoading = true
    this.#load()
      .then((reader) => {
        this.#reader = reader
        onLoaded()
      })
      .catch((error: unknown) => {
        // Policies with command rules stay refused, and those whom they name may do nothing.
        this.#isLoading = false
        this.#logger.error(
          { err: Fault.from(error) },
          'the parsers of command lines cannot be loaded',
        )
      })
  }
}

function hasCommands(object: unknown): boolean {
  const rules = (object as { spec?: { rules?: unknown } } | null)?.spec?.rules
  return (
    Array.isArray(rules) &&
    rules.some((rule) => typeof rule === 'object' && rule !== null && 'commands' in rule)
  )
}
