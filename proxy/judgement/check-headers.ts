import { Fault } from '../../core/fault.ts'
import { findHeaderRule, namedByConnection } from './header-rules.ts'

/**
 * Headers of which another parser could read another one than we do, when there are two. The same
 * one twice has one meaning, but for those that frame a message.
 */
const SINGLE: Readonly<Record<string, 'one' | 'one value'>> = {
  authorization: 'one value',
  'content-encoding': 'one value',
  'content-type': 'one value',
  expect: 'one value',
  upgrade: 'one value',
  'content-length': 'one',
  host: 'one',
  'transfer-encoding': 'one',
}

/** What Go's server refuses in a value. Source: golang.org/x/net/http/httpguts. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Throws `request_invalid` for headers that two readers could understand in two ways, and for those
 * that `HEADER_RULES` refuse. `rawHeaders` are names and values in turn.
 */
export function checkHeaders(rawHeaders: readonly string[]): void {
  const seen = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = rawHeaders[index + 1] ?? ''
    if (UNSENDABLE.test(value)) {
      throw new Fault('request_invalid', 'The value of a header holds a control character')
    }
    const rule = findHeaderRule(name)
    if (rule?.use === 'refused') {
      throw new Fault('request_invalid', `The header "${name}" is not taken: ${rule.why}`)
    }
    if (Object.hasOwn(SINGLE, name)) checkSingle(name, value, seen.get(name))
    seen.set(name, value)
  }
  for (const name of namedByConnection(rawHeaders)) {
    const use = findHeaderRule(name)?.use
    // HTTP ends it here, and kube-apiserver, which does not look, would read it.
    if (seen.has(name) && (use === 'passed' || use === 'judged')) {
      throw new Fault(
        'request_invalid',
        `Connection names the header "${name}", which is for the API server; take it out of Connection`,
      )
    }
  }
}

function checkSingle(name: string, value: string, before: string | undefined): void {
  if (before === undefined || (SINGLE[name] === 'one value' && before === value)) return
  throw new Fault('request_invalid', `The header "${name}" stands twice`)
}
