import { goesOn, type TypedLine } from '../../core/commands/typed-line.ts'
import { Fault } from '../../core/fault.ts'
import type { Decider } from '../decisions/decide.ts'
import type { DecisionWatch } from '../decisions/decision-watch.ts'

/** A line of a script can be long; a terminal takes 4 KiB. */
export const LINE_BYTES_MAX = 64 * 1_024
/** Of the lines that a line continues: what is longer is read by no parser. */
const AFTER_CHARACTERS_MAX = 4_096

export interface LineJudgeDeps {
  readonly decider: Pick<Decider, 'refuseLine'>
  readonly decisionWatch: Pick<DecisionWatch, 'find'>
}

/** Judges the lines that are typed into one session, in their order. */
export class LineJudge {
  readonly #deps: LineJudgeDeps
  readonly #podUid: string
  readonly #decisionId: string
  #after = ''

  constructor(deps: LineJudgeDeps, podUid: string, decisionId: string) {
    this.#deps = deps
    this.#podUid = podUid
    this.#decisionId = decisionId
  }

  /** Why a line may not be sent; undefined when it may. Throws a Fault when that cannot be told. */
  refuse(bytes: Uint8Array): string | undefined {
    if (bytes.length > LINE_BYTES_MAX) return 'the line is too long to be judged'
    const { decider, decisionWatch } = this.#deps
    const open = decisionWatch.find(this.#podUid, this.#decisionId)
    if (open === undefined) {
      throw new Fault('decision_unavailable', 'The decision of the session is not watched over now')
    }
    // A shell drops NUL bytes.
    const line = Buffer.from(bytes).toString('utf8').replaceAll('\0', '')
    const typed: TypedLine = { line, after: this.#after }
    const refused = decider.refuseLine(open.binding, open.question, typed)
    if (refused !== undefined) return refused
    const whole = this.#after === '' ? line : `${this.#after}\n${line}`
    const isKept = whole.length <= AFTER_CHARACTERS_MAX && goesOn(whole)
    this.#after = isKept ? whole : ''
    return undefined
  }
}
