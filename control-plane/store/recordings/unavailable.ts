import { Fault } from '../../../core/fault.ts'

/** What the work resolves with. Throws `audit_unavailable` for what the system says of files. */
export async function unavailable<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault('audit_unavailable', 'Cannot write or read a recording', { cause: error })
  }
}
