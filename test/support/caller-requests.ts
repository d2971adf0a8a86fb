import { CallerRequest } from '../../proxy/caller/caller-request.ts'

/** A request without a body, as a caller's head says it. */
export function aCallerRequest(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  httpVersion: '1.0' | '1.1' = '1.1',
): CallerRequest {
  const head = { method, target, httpVersion, rawHeaders: Object.entries(headers).flat() }
  const source = {
    readBody: () => undefined,
    pauseBody: () => undefined,
    resumeBody: () => undefined,
  }
  return new CallerRequest(head, source, false)
}
