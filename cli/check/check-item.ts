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

export const OK: CheckOutcome = { result: 'ok' }

export function ok(note: string): CheckOutcome {
  return { result: 'ok', note }
}

export function warning(...hints: readonly string[]): CheckOutcome {
  return { result: 'warning', hints }
}

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
