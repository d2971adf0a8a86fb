/** A place in a JSON document, as the keys that lead there; `*` is any one key or index, `**` any number of them. */
export type PathPattern = readonly string[]

/** How far the way to a place matches patterns. */
export interface PathState<Rule> {
  /** Rules of the patterns that end here. */
  readonly rules: readonly Rule[]
  /** The way on by a key, or by the index of a list; undefined when no pattern can match there or below. */
  step(key: string): PathState<Rule> | undefined
}

interface Node<Rule> {
  readonly number: number
  readonly children: Map<string, Node<Rule>>
  /** Behind `*`. */
  any?: Node<Rule>
  /** Behind `**`. */
  deep?: Node<Rule>
  /** Whether this is behind a `**`, which takes each further key. */
  readonly stays: boolean
  readonly rules: Rule[]
}

/** Finds the rules of places while a document is read from its beginning to its end. */
export function compilePathRules<Rule>(
  patterns: readonly (readonly [PathPattern, Rule])[],
): PathState<Rule> | undefined {
  const nodes: Node<Rule>[] = []
  const root = aNode(nodes, false)
  for (const [pattern, rule] of patterns) {
    let node = root
    for (const key of pattern) node = nodeBehind(nodes, node, key)
    node.rules.push(rule)
  }
  return new States<Rule>().of(new Set([root]))
}

function aNode<Rule>(nodes: Node<Rule>[], stays: boolean): Node<Rule> {
  const node = { number: nodes.length, children: new Map(), stays, rules: [] }
  nodes.push(node)
  return node
}

function nodeBehind<Rule>(nodes: Node<Rule>[], node: Node<Rule>, key: string): Node<Rule> {
  if (key === '*') {
    node.any ??= aNode(nodes, false)
    return node.any
  }
  if (key === '**') {
    node.deep ??= aNode(nodes, true)
    return node.deep
  }
  const child = node.children.get(key) ?? aNode<Rule>(nodes, false)
  node.children.set(key, child)
  return child
}

/** Places are told apart by how far each pattern matches: any document has only so many. */
class States<Rule> {
  readonly #known = new Map<string, PathState<Rule> | undefined>()

  of(nodes: Set<Node<Rule>>): PathState<Rule> | undefined {
    // `**` is no key as well. A set takes what is added while it is walked through.
    for (const { deep } of nodes) if (deep !== undefined) nodes.add(deep)
    const numbers = [...nodes].map(({ number }) => number).sort((one, other) => one - other)
    const id = numbers.join()
    if (!this.#known.has(id)) this.#known.set(id, this.#make(nodes))
    return this.#known.get(id)
  }

  #make(nodes: ReadonlySet<Node<Rule>>): PathState<Rule> | undefined {
    const rules = [...new Set([...nodes].flatMap((node) => node.rules))]
    if (rules.length === 0 && [...nodes].every(isEnd)) return undefined
    const next = (key: string | undefined) =>
      this.of(new Set([...nodes].flatMap((node) => nextOf(node, key))))
    const named = new Set([...nodes].flatMap(({ children }) => [...children.keys()]))
    const known = new Map<string | undefined, PathState<Rule> | undefined>()
    return {
      rules,
      step: (key) => {
        // All keys that no pattern names lead to one place.
        const way = named.has(key) ? key : undefined
        if (!known.has(way)) known.set(way, next(way))
        return known.get(way)
      },
    }
  }
}

function isEnd<Rule>({ children, any, stays }: Node<Rule>): boolean {
  return children.size === 0 && any === undefined && !stays
}

/** `key` is undefined for one that no pattern names. */
function nextOf<Rule>(node: Node<Rule>, key: string | undefined): readonly Node<Rule>[] {
  const named = key === undefined ? undefined : node.children.get(key)
  const next = [named, node.any, node.stays ? node : undefined]
  return next.filter((one) => one !== undefined)
}
