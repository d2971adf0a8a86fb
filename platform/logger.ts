import { type DestinationStream, type Logger, pino } from 'pino'
import { escapeJson } from '../core/escape-text.ts'
import { Fault } from '../core/fault.ts'

/*
 * What each level may hold. No level holds a token, a header value, a body, a query string or a
 * private key.
 *   error  something an operator must act on; the cause of a fault
 *   warn   refused for want of a dependency, or a retry
 *   info   start, stop, enrolment, policy and certificate changes
 *   debug  one line a request: attributes, decision, status, duration
 */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'
export type { Logger } from 'pino'

/** One JSON object a line on standard output, RFC 3339 times in UTC. */
export function createLogger(
  options: { readonly name: string; readonly level: LogLevel },
  destination?: DestinationStream,
): Logger {
  return pino(
    {
      level: options.level,
      base: { process: options.name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Names and paths of strangers are in it, and people read it in terminals.
      hooks: { streamWrite: escapeJson },
      serializers: { error: toLoggedError },
      // A last net: no call site passes such keys on purpose.
      redact: {
        paths: ['token', 'session', 'authorization', 'headers', '*.token', '*.authorization'],
        censor: '[removed]',
      },
    },
    destination ?? pino.destination({ sync: false }),
  )
}

/** An error as a log shows it: name, code, message, and the same of its causes. */
export function toLoggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: 'not an Error' }
  const code = error instanceof Fault ? error.code : (error as NodeJS.ErrnoException).code
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: toLoggedError(error.cause) }),
  }
}
