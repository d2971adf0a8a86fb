import { Fault } from '../../core/fault.ts'

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?'
const VALUE = '([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?'
const VALUES = String.raw`\(\s*${VALUE}(\s*,\s*${VALUE})*\s*\)`

/** Terms that an object without labels satisfies, and those that it does not. */
const HOLDS = new RegExp(`^(!\\s*${KEY}|${KEY}\\s*!=\\s*${VALUE}|${KEY}\\s+notin\\s*${VALUES})$`)
const FAILS = new RegExp(
  `^(${KEY}|${KEY}\\s*==?\\s*${VALUE}|${KEY}\\s+in\\s*${VALUES}|${KEY}\\s*[<>]\\s*-?\\d+)$`,
)
const COMMA_OUTSIDE_PARENTHESES = /,(?![^(]*\))/

/**
 * Whether a label selector selects objects without labels; the objects of this API have none.
 * Throws `request_invalid` for text that is no label selector.
 */
export function selectsUnlabelled(selector: string): boolean {
  if (selector.trim() === '') return true
  const terms = selector.split(COMMA_OUTSIDE_PARENTHESES).map((term) => term.trim())
  if (terms.some((term) => !HOLDS.test(term) && !FAILS.test(term))) {
    throw new Fault('request_invalid', 'The label selector cannot be parsed')
  }
  return terms.every((term) => HOLDS.test(term))
}
