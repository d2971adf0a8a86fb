import { headerValue, headerValues } from '../wire/header-pairs.ts'
import type { RequestHead } from '../wire/request-head.ts'

/** Whether a head has the header Upgrade, whatever it says. */
export function asksForUpgrade({ rawHeaders }: RequestHead): boolean {
  return headerValue(rawHeaders, 'upgrade') !== undefined
}

/**
 * Whether another request may follow on the connection. None does after an upgrade that was not
 * taken up: the caller may speak that protocol already.
 */
export function mayFollow(head: RequestHead): boolean {
  if (head.httpVersion === '1.0' || asksForUpgrade(head)) return false
  const asked = headerValues(head.rawHeaders, 'connection').join(',').toLowerCase()
  return !asked.split(',').some((token) => token.trim() === 'close')
}
