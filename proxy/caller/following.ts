import type { RequestHead } from '../wire/request-head.ts'

/** Whether a head has the header Upgrade, whatever it says. */
export function asksForUpgrade(head: RequestHead | undefined): boolean {
  return (
    head?.rawHeaders.some((text, at) => at % 2 === 0 && text.toLowerCase() === 'upgrade') === true
  )
}

/**
 * Whether another request may follow on the connection. None does after an upgrade that was not
 * taken up: the caller may speak that protocol already.
 */
export function mayFollow(head: RequestHead): boolean {
  if (head.httpVersion === '1.0' || asksForUpgrade(head)) return false
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    const name = head.rawHeaders[index]
    if (name?.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = head.rawHeaders[index + 1]?.toLowerCase() ?? ''
    if (value.split(',').some((token) => token.trim() === 'close')) return false
  }
  return true
}
