import type { PathState } from './path-rules.ts'

/**
 * The first place of an object, as `spec.cards[0].number`, at which something is hidden and null stands; undefined when
 * there is none. Of YAML, in which every scalar is read as text, `isYaml` takes the words for null.
 */
export function findNull(
  object: unknown,
  places: PathState<unknown> | undefined,
  isYaml = false,
): string | undefined {
  const left = [{ value: object, place: places, at: '' }]
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    const { value, place, at } = one
    if (place === undefined) continue
    const isNull = value === null || (isYaml && typeof value === 'string' && NULL.test(value))
    if (isNull && place.rules.length > 0) return at || 'the body'
    if (typeof value !== 'object' || value === null) continue
    for (const [key, inside] of Object.entries(value).reverse()) {
      const here = Array.isArray(value) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`
      left.push({ value: inside, place: place.step(key), at: here })
    }
  }
  return undefined
}

/** Source: YAML 1.2.2, section 10.2.1.1. */
const NULL = /^(?:null|Null|NULL|~|)$/
