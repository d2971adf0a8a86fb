import { Fault } from '../fault.ts'

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/**
 * The terms of a field selector; all of them must hold. Throws `request_invalid` for a selector
 * that kube-apiserver would not parse.
 * Keep in step with Kubernetes apimachinery/pkg/fields/selector.go (v1.34: splitTerms, splitTerm).
 */
export function parseFieldSelector(selector: string): readonly FieldRequirement[] {
  return splitTerms(selector)
    .filter((term) => term !== '')
    .map((term) => {
      const parsed = splitTerm(term)
      if (parsed === undefined) {
        throw new Fault('request_invalid', 'The field selector is not a list of key=value terms')
      }
      return {
        field: parsed.field,
        operator: parsed.operator === '!=' ? '!=' : '=',
        value: unescapeValue(parsed.value),
      }
    })
}

/**
 * The name that a field selector pins with `metadata.name=NAME`, or undefined. kube-apiserver
 * copies it into the attributes that it authorizes, so that `resourceNames` hold for lists too.
 * The same name twice, as kr8s writes it, is that name. Throws `request_invalid` for a selector that
 * kube-apiserver would not parse, and for one with two names: which of them counts depends on how the
 * terms are sorted.
 */
export function nameInFieldSelector(selector: string): string | undefined {
  const names = parseFieldSelector(selector)
    .filter(({ field, operator }) => field === 'metadata.name' && operator === '=')
    .map(({ value }) => value)
  const [pinned, another] = new Set(names)
  if (another !== undefined) {
    throw new Fault(
      'request_invalid',
      'The field selector names two objects: want one metadata.name',
    )
  }
  return pinned
}

function splitTerms(selector: string): readonly string[] {
  const terms: string[] = []
  let start = 0
  for (let index = 0; index < selector.length; index += 1) {
    if (selector[index] === '\\') index += 1
    else if (selector[index] === ',') {
      terms.push(selector.slice(start, index))
      start = index + 1
    }
  }
  return [...terms, selector.slice(start)]
}

const OPERATORS = ['!=', '==', '='] as const

function splitTerm(
  term: string,
): { field: string; operator: (typeof OPERATORS)[number]; value: string } | undefined {
  for (let index = 0; index < term.length; index += 1) {
    const operator = OPERATORS.find((candidate) => term.startsWith(candidate, index))
    if (operator !== undefined) {
      return {
        field: term.slice(0, index),
        operator,
        value: term.slice(index + operator.length),
      }
    }
  }
  return undefined
}

function unescapeValue(value: string): string {
  let text = ''
  for (let index = 0; index < value.length; index += 1) {
    const character = value[index] ?? ''
    if (character === '=' || character === ',') {
      throw new Fault('request_invalid', 'The field selector has an unescaped "=" or ","')
    }
    if (character !== '\\') {
      text += character
      continue
    }
    index += 1
    const escaped = value[index] ?? ''
    if (!['\\', ',', '='].includes(escaped)) {
      throw new Fault('request_invalid', 'The field selector has an escape other than \\\\ \\, \\=')
    }
    text += escaped
  }
  return text
}
