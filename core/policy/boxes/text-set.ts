/**
 * A set of texts that is known exactly: finitely many texts, all texts but these, all with a prefix, and whatever
 * union, intersection and difference make of them. The set says yes or no to each prefix, the longest one that a
 * text begins with counts, and a text of its own counts more.
 */
export interface TextSet {
  /** Whether texts that begin so are in the set. The empty prefix is always there and stands for all other texts. */
  readonly prefixes: ReadonlyMap<string, boolean>
  readonly texts: ReadonlyMap<string, boolean>
}

/** Every text. */
export const ALL_TEXTS: TextSet = { prefixes: new Map([['', true]]), texts: new Map() }

/** These texts and no other. */
export function onlyTexts(texts: Iterable<string>): TextSet {
  return toTextSet(new Map([['', false]]), new Map([...texts].map((text) => [text, true])))
}

/** Every text that begins so. */
export function textsWithPrefix(prefix: string): TextSet {
  return toTextSet(
    new Map([
      ['', false],
      [prefix, true],
    ]),
    new Map(),
  )
}

/** Whether a set has a text. */
export function hasText({ prefixes, texts }: TextSet, text: string): boolean {
  return texts.get(text) ?? ofPrefix(prefixes, text)
}

/** What is in any of two sets. */
export function unionOfTexts(one: TextSet, other: TextSet): TextSet {
  return combine(one, other, (a, b) => a || b)
}

/** What is in both sets. */
export function commonTexts(one: TextSet, other: TextSet): TextSet {
  if (one === ALL_TEXTS) return other
  if (other === ALL_TEXTS) return one
  return combine(one, other, (a, b) => a && b)
}

/** What is in one set and not in the other. */
export function textsWithout(one: TextSet, other: TextSet): TextSet {
  return combine(one, other, (a, b) => a && !b)
}

/** Whether a set has no text at all. */
export function isNoText({ prefixes, texts }: TextSet): boolean {
  // A prefix has more texts than the finitely many that could be said no to, so one that is in is enough.
  return ![...prefixes.values(), ...texts.values()].includes(true)
}

/** One text of a set, one of the preferred if it has any of them; undefined for the empty set. */
export function someText(set: TextSet, preferred: readonly string[] = []): string | undefined {
  const liked = preferred.find((text) => hasText(set, text))
  if (liked !== undefined) return liked
  for (const [text, isIn] of set.texts) if (isIn) return text
  for (const [prefix, isIn] of set.prefixes) if (isIn) return textBelow(set, prefix)
  return undefined
}

/** The same for equal sets, and for no others. */
export function textSetKey({ prefixes, texts }: TextSet): string {
  return JSON.stringify([[...prefixes].sort(byText), [...texts].sort(byText)])
}

/** In words: `any`, `pods, jobs`, `any but team`, `/healthz*`. */
export function describeTexts(set: TextSet): string {
  const { prefixes, texts } = set
  const shown = (text: string) => (text === '' ? '""' : text)
  const isBase = prefixes.get('') === true
  const others = [...prefixes]
    .filter(([prefix]) => prefix !== '')
    .map(([prefix, isIn]) => ({ text: `${prefix}*`, isIn }))
  const named = [...others, ...[...texts].map(([text, isIn]) => ({ text: shown(text), isIn }))]
  const differing = named
    .filter(({ isIn }) => isIn !== isBase)
    .map(({ text }) => text)
    .sort()
  const again = named
    .filter(({ isIn }) => isIn === isBase)
    .map(({ text }) => text)
    .sort()
  const list = differing.join(', ')
  if (!isBase) return again.length === 0 ? list || 'none' : `${list} but not ${again.join(', ')}`
  if (differing.length === 0) return 'any'
  return `any but ${list}${again.length === 0 ? '' : ` (and ${again.join(', ')})`}`
}

function combine(one: TextSet, other: TextSet, both: (a: boolean, b: boolean) => boolean): TextSet {
  const prefixes = new Map<string, boolean>()
  for (const prefix of [...one.prefixes.keys(), ...other.prefixes.keys()]) {
    prefixes.set(prefix, both(ofPrefix(one.prefixes, prefix), ofPrefix(other.prefixes, prefix)))
  }
  const texts = new Map<string, boolean>()
  for (const text of [...one.texts.keys(), ...other.texts.keys()]) {
    texts.set(text, both(hasText(one, text), hasText(other, text)))
  }
  return toTextSet(prefixes, texts)
}

/** What says nothing new is left out, so that equal sets are written alike. */
function toTextSet(prefixes: Map<string, boolean>, texts: Map<string, boolean>): TextSet {
  const known = new Map<string, boolean>()
  const byLength = [...prefixes.keys()].sort((a, b) => a.length - b.length)
  for (const prefix of byLength) {
    const isIn = prefixes.get(prefix) === true
    if (prefix === '' || ofPrefix(known, prefix) !== isIn) known.set(prefix, isIn)
  }
  const own = new Map([...texts].filter(([text, isIn]) => ofPrefix(known, text) !== isIn))
  if (known.size === 1 && own.size === 0 && known.get('') === true) return ALL_TEXTS
  return { prefixes: known, texts: own }
}

/** What the longest known prefix of a text says. */
function ofPrefix(prefixes: ReadonlyMap<string, boolean>, text: string): boolean {
  if (prefixes.size === 1) return prefixes.get('') === true
  let longest = ''
  for (const prefix of prefixes.keys()) {
    if (prefix.length > longest.length && text.startsWith(prefix)) longest = prefix
  }
  return prefixes.get(longest) === true
}

/** A text that begins with a prefix that is in the set, and of which nothing else is said. */
function textBelow(set: TextSet, prefix: string): string {
  const longer = [...set.prefixes.keys()].filter(
    (other) => other !== prefix && other.startsWith(prefix),
  )
  const taken = new Set(longer.map((other) => other[prefix.length]))
  let code = 'x'.charCodeAt(0)
  while (taken.has(String.fromCharCode(code))) code += 1
  const begin = `${prefix}${String.fromCharCode(code)}`
  for (let count = 0; ; count += 1) {
    const text = count === 0 ? begin : `${begin}${count}`
    if (hasText(set, text)) return text
  }
}

function byText([a]: readonly [string, boolean], [b]: readonly [string, boolean]): number {
  return a < b ? -1 : Number(a > b)
}
