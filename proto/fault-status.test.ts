import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { FAULTS, Fault, type FaultCode } from '../core/fault.ts'
import { fromServiceError, relayedFault, toServiceError } from './fault-status.ts'

const CODES = Object.keys(FAULTS) as readonly FaultCode[]

function received(parts: Partial<ServiceError>): ServiceError {
  const { code = status.UNKNOWN, details = '', metadata = new Metadata() } = parts
  return Object.assign(new Error(details), { code, details, metadata })
}

/** What an error of a call holds when the peer sent no details. */
function withoutDetails(code: status, details = 'what it said'): ServiceError {
  return received({ code, details })
}

test.each(CODES)('toServiceError() and fromServiceError() lose nothing of %s', (code) => {
  const error = received(toServiceError(new Fault(code, 'what it said')))
  expect(error.code).toBe(status[FAULTS[code].grpc])
  const fault = fromServiceError(error)
  expect(fault).toMatchObject({ code, message: 'what it said', cause: error })
})

test('toServiceError() tells nobody the cause', () => {
  const cause = new Error('a password')
  const { details, metadata } = toServiceError(new Fault('internal', 'No', { cause }))
  const told = JSON.stringify([details, metadata?.get('grpc-status-details-bin').map(String)])
  expect(told).toContain('No')
  expect(told).not.toContain('password')
})

test.each([
  [status.INVALID_ARGUMENT, 'request_invalid'],
  [status.UNAUTHENTICATED, 'identity_unverified'],
  [status.PERMISSION_DENIED, 'permission_denied'],
  [status.NOT_FOUND, 'not_found'],
  [status.ALREADY_EXISTS, 'binding_conflict'],
  [status.FAILED_PRECONDITION, 'config_invalid'],
])('fromServiceError() of code %i from an older peer is %s', (code, want) => {
  expect(fromServiceError(withoutDetails(code))).toMatchObject({ code: want })
})

test.each([
  ['nobody answered', withoutDetails(status.UNAVAILABLE)],
  ['nobody answered in time', withoutDetails(status.DEADLINE_EXCEEDED)],
  ['the library gave up', withoutDetails(status.RESOURCE_EXHAUSTED)],
  ['something else answered', withoutDetails(status.UNIMPLEMENTED)],
])('fromServiceError() is undefined when %s', (_case, error) => {
  expect(fromServiceError(error)).toBeUndefined()
})

test.each([
  ['rubbish', Buffer.from('rubbish')],
  ['nothing', Buffer.alloc(0)],
])('fromServiceError() reads the code alone when the details are %s', (_case, bytes) => {
  const error = withoutDetails(status.PERMISSION_DENIED)
  error.metadata.set('grpc-status-details-bin', bytes)
  expect(fromServiceError(error)).toMatchObject({ code: 'permission_denied' })
})

test('fromServiceError() does not believe details that contradict the code', () => {
  const { metadata = new Metadata() } = toServiceError(new Fault('permission_denied', 'x'))
  expect(fromServiceError(received({ code: status.UNAVAILABLE, metadata }))).toBeUndefined()
})

test.each([
  ['overloaded', 'overloaded'],
  ['permission_denied', 'internal'],
  ['toString', 'internal'],
  ['', 'internal'],
])('relayedFault() of %j is %s', (code, want) => {
  const fault = relayedFault(code, 'said', new Set<FaultCode>(['overloaded']), 'internal')
  expect(fault).toMatchObject({ code: want, message: 'said' })
})
