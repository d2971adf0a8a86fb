import { Fault } from '../../core/fault.ts'
import type { ListPosition } from './api-resource.ts'

const VERSION = 1

/** Opaque to clients. It holds nothing that needs hiding: who may list may list all of it. */
export function toContinueToken(position: ListPosition): string {
  const { afterSequence, revision, untilSequence } = position
  const fields = [
    VERSION,
    afterSequence,
    revision,
    ...(untilSequence === undefined ? [] : [untilSequence]),
  ]
  return Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** Throws `request_invalid` for a token that this version did not make. */
export function parseContinueToken(token: string): ListPosition {
  const [version, afterSequence, revision, untilSequence, ...rest] = parseNumbers(token)
  if (
    version !== VERSION ||
    afterSequence === undefined ||
    revision === undefined ||
    rest.length > 0
  ) {
    throw invalid()
  }
  return { afterSequence, revision, ...(untilSequence === undefined ? {} : { untilSequence }) }
}

function parseNumbers(token: string): readonly number[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch (error) {
    throw new Fault('request_invalid', 'The continue token is not valid', { cause: error })
  }
  const numbers = Array.isArray(parsed) && parsed.every((value) => isCount(value)) ? parsed : []
  return numbers
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function invalid(): Fault {
  return new Fault('request_invalid', 'The continue token is not valid')
}
