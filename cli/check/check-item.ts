import { Fault } from '../../core/fault.ts'

export type CheckResult = 'ok' | 'warning' | 'error'

export interface CheckOutcome {
  readonly result: CheckResult
  /** Said after the title, such as a count or a version. */
  readonly note?: string
  /** What is wrong and what to do; one line each. */
  readonly hints?: readonly string[]
}

/** One line of the report. */
export interface CheckItem {
  readonly category: string
  /** What should be true. */
  readonly title: string
  /** Nothing after it can be looked at when it does not hold. */
  readonly fatal?: boolean
  /** A Fault becomes an error, or a warning where the user may not look. */
  run(): Promise<CheckOutcome>
}

/** It holds, and there is nothing to add. */
export const OK: CheckOutcome = { result: 'ok' }

/** It holds; `note` stands behind the title. */
export function ok(note: string): CheckOutcome {
  return { result: 'ok', note }
}

/** It does not hold or cannot be looked at, and Lanyard works all the same; one hint a line. */
export function warning(...hints: readonly string[]): CheckOutcome {
  return { result: 'warning', hints }
}

/** It does not hold, and something does not work or is not safe; one hint a line. */
export function failure(...hints: readonly string[]): CheckOutcome {
  return { result: 'error', hints }
}

/** Runs one item; never throws. */
export async function runItem(item: CheckItem): Promise<CheckOutcome> {
  try {
    return await item.run()
  } catch (error) {
    const fault = Fault.from(error)
    if (fault.code === 'permission_denied') return warning(`cannot check: ${fault.message}`)
    const cause =
      fault.cause instanceof Error && fault.code === 'internal' ? fault.cause.message : ''
    return failure(cause === '' ? fault.message : `${fault.message}: ${cause}`)
  }
}
