import { expect, test } from 'vitest'
import { isUnsafe } from '../core/escape-text.ts'
import { Fault } from '../core/fault.ts'
import { createLogger } from './logger.ts'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  const lines: string[] = []
  write(createLogger({ name: 'x', level: 'info' }, { write: (line) => lines.push(line) }))
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>
}

test('createLogger() writes one JSON object with an RFC 3339 time', () => {
  const line = logged((logger) => logger.info({ podUid: 'u' }, 'Enrolled'))
  expect(line).toMatchObject({ level: 'info', process: 'x', msg: 'Enrolled', podUid: 'u' })
  expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

test('createLogger() removes what looks like a credential', () => {
  const line = logged((logger) => logger.info({ token: 'abc', peer: { authorization: 'abc' } }))
  expect(JSON.stringify(line)).not.toContain('abc')
})

test('toLoggedError() keeps code and causes, not the stack', () => {
  const cause = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' })
  const error = new Fault('upstream_unavailable', 'Cannot reach the API server', { cause })
  expect(logged((logger) => logger.error({ error }, 'x'))['error']).toEqual({
    name: 'Fault',
    code: 'upstream_unavailable',
    message: 'Cannot reach the API server',
    cause: { name: 'Error', code: 'EHOSTUNREACH', message: 'no route' },
  })
})

test('createLogger() writes nothing that a terminal obeys, and the same values', () => {
  const lines: string[] = []
  const name = 'a\u009b31m\u202eb\u{e0041}\u2028'
  const logger = createLogger({ name: 'x', level: 'info' }, { write: (line) => lines.push(line) })
  logger.warn({ name, error: new Error(name) }, name)
  const [line = ''] = lines
  expect(isUnsafe(line.trimEnd())).toBe(false)
  expect(JSON.parse(line)).toMatchObject({ name, msg: name, error: { message: name } })
})
