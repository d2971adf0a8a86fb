import type { KeyClass } from './credential-keys.ts'
import { isPath, isPlaceholder, isSurelyRandom, looksRandom } from './credential-value.ts'

/** Where a value stands. */
export interface ValueContext {
  readonly keyClass: KeyClass
  /** What leads from the name to the value: a call, the text of an element, a flag of a command. */
  readonly sign: '=' | ':' | '(' | '>' | ' ' | 'prose'
  readonly isQuoted: boolean
  /** Whether spaces stand on both sides of the sign. */
  readonly isSpaced: boolean
  /** Whether nothing but a comment follows on the line. */
  readonly isLast: boolean
  /** Whether the name is the first of its line. */
  readonly isFirst: boolean
  readonly name: string
  /** What follows the value. */
  readonly next: string
}

const PASSWORD_MIN = 4
const JUDGED_MAX = 512
/** Names of variables, fields and what is reached through them. */
const CHAIN = /^[A-Za-z_$][\w$]*\??(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*)*;?$/
const CALL = /^[*&!]?[\w.$>:?-]+[([]/
const SENTENCE =
  /\b(?:the|is|are|was|must|should|enter|your|please|at|least|for|and|or|not|be|of|in|with|invalid|incorrect|to|from|no|this|that|new|use|used|has|have|will|can)\b/i

/** Whether a value behind a name of a credential is one. */
export function isCredentialValue(value: string, context: ValueContext): boolean {
  const { keyClass, isQuoted } = context
  if (value.length < PASSWORD_MIN) return false
  // A long value is judged by how it begins.
  if (value.length > JUDGED_MAX) return isCredentialValue(value.slice(0, JUDGED_MAX), context)
  if (isPlaceholder(value)) return false
  if (isPath(value) && !/[+=]/.test(value)) return false
  if (/^[a-z][a-z0-9+.-]*:\/\/[^@]*$/i.test(value)) return false
  if (/\s/.test(value)) return isQuoted && isPhrase(value, keyClass)
  if (context.sign === 'prose') return isToldValue(value, context)
  if (!isQuoted && !isPlainValue(value, context)) return false
  if (keyClass === 'some-key') return isSurelyRandom(value)
  if (keyClass === 'password') return isPassword(value, context)
  return looksRandom(value)
}

/** What follows the name in a sentence: `the password is hunter2`, `token 8d2Kq…`. */
function isToldValue(value: string, { keyClass }: ValueContext): boolean {
  if (isSurelyRandom(value)) return true
  return keyClass === 'password' && /^(?=.*[A-Za-z])(?=.*\d)[^\s:;,()/-]{6,}$/.test(value)
}

/** Several words: what somebody thought of as a password, and no message. */
function isPhrase(value: string, keyClass: KeyClass): boolean {
  if (value.includes('-----BEGIN') || value.length > 200) return false
  if (keyClass !== 'password') return false
  const words = value.trim().split(/\s+/)
  if (words.length > 8 || SENTENCE.test(value) || /[:(){}=]/.test(value)) return false
  return words.length >= 3 || /\d/.test(value) || words.length === 1
}

/** Without quotes, code, prose and types look like values. */
function isPlainValue(value: string, context: ValueContext): boolean {
  const { sign, isSpaced, isLast, isFirst } = context
  // A line of /etc/passwd.
  if (/^passwd\b/.test(context.name) && /^\w?:/.test(value)) return false
  if (/^[*&!|>{[(]/.test(value) || CALL.test(value)) return false
  if (!CHAIN.test(value)) return true
  if (/\.|->|::/.test(value) && !looksRandom(value)) return false
  const hasDigit = /\d/.test(value)
  if (isSpaced) return hasDigit && !/_/.test(value)
  if (sign === ':')
    return hasDigit || (isFirst && isLast && !/,\s*$/.test(context.next.split('\n')[0] ?? ''))
  return sign !== '(' && (hasDigit || isFirst || !/^[a-z]+(?:[A-Z][a-z]+)+$/.test(value))
}

function isPassword(value: string, context: ValueContext): boolean {
  if (/^\d+$/.test(value)) return value.length >= 6 && context.keyClass === 'password'
  // `PASS: TestName` and `pass: 12` count tests.
  if (/^pass/i.test(context.name) && /^pass\b/i.test(context.name) && !context.isQuoted)
    return (
      context.sign === '=' ||
      (!context.name.startsWith('PASS') && context.isFirst && context.isLast)
    )
  return true
}
