import { Fault } from '../../core/fault.ts'
import type { ListPosition } from './api-resource.ts'

const VERSION = 1

/** Opaque to clients. It holds nothing that needs hiding: who may list may list all of it. */
export function toContinueToken(position: ListPosition): string {
  const { afterSequence, revision, untilSequence, afterName } = position
  const fields = [
    VERSION,
    afterSequence,
    revision,
    ...(untilSequence === undefined ? [] : [untilSequence]),
    ...(afterName === undefined ? [] : [afterName]),
  ]
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** Throws `request_invalid` for a token that this version did not make. */
export function parseContinueToken(token: string): ListPosition {
  const fields = parseFields(token)
  const last = fields.at(-1)
  const afterName = typeof last === 'string' ? last : undefined
  const numbers = afterName === undefined ? fields : fields.slice(0, -1)
  if (!numbers.every(isCount)) throw invalid()
  const [version, afterSequence, revision, untilSequence, ...rest] = numbers
  if (
    version !== VERSION ||
    afterSequence === undefined ||
    revision === undefined ||
    rest.length > 0
  ) {
    throw invalid()
  }
  return {
    ...{ afterSequence, revision },
    ...(untilSequence === undefined ? {} : { untilSequence }),
    ...(afterName === undefined ? {} : { afterName }),
  }
}

function parseFields(token: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    return Array.isArray(parsed) ? parsed : []
  } catch (error) {
    throw new Fault('request_invalid', 'The continue token is not valid', { cause: error })
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function invalid(): Fault {
  return new Fault('request_invalid', 'The continue token is not valid')
}
