import { FAULTS, Fault } from '../../core/fault.ts'
import { failureStatus } from '../../core/kubernetes/status.ts'
import { type Answer, faultAnswer } from '../answer/answer.ts'
import type { Problem } from '../caller/caller-handler.ts'
import { HEAD_BYTES_MAX } from './head-budget.ts'

/**
 * The answer to what cannot be read as a request, or did not come in time. Nobody is known to have
 * asked, so it is not on record.
 */
export function malformedAnswer(problem: Problem): Answer {
  switch (problem) {
    case 'late':
      return {
        status: failureStatus(408, 'Timeout', 'The request did not come in time; send it again'),
        decisionId: '',
      }
    case 'head too long':
      return invalid(`The request line and headers together may have ${HEAD_BYTES_MAX} bytes`)
    case 'malformed':
      return invalid(
        `The request is not valid HTTP/1.1 (HTTP ${FAULTS.request_invalid.httpStatus})`,
      )
  }
}

function invalid(message: string): Answer {
  return faultAnswer(new Fault('request_invalid', message))
}
