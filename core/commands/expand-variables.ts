/** What a reference to a variable becomes: its value, or undefined where that is not known before the container starts. */
export type VariableLookup = (name: string) => { readonly value: string | undefined } | undefined

/** A word of `command` or `args` after the kubelet has put variables into it. */
export interface ExpandedWord {
  readonly text: string
  readonly exact: boolean
}

/** Longer than what is judged: variables that name variables grow without end. */
const LETTERS_MAX = 65_536

/**
 * Puts variables into a word as the kubelet does: `$(NAME)` is replaced when the container has that variable,
 * `$$` becomes `$`, and everything else stays. Source: Kubernetes v1.34
 * third_party/forked/golang/expansion/expand.go. A word that grows too long is not known.
 */
export function expandVariables(text: string, lookUp: VariableLookup): ExpandedWord {
  let expanded = ''
  let exact = true
  let at = 0
  while (at < text.length) {
    if (expanded.length > LETTERS_MAX) return { text: text.slice(0, LETTERS_MAX), exact: false }
    const dollar = text.indexOf('$', at)
    if (dollar === -1 || dollar + 1 >= text.length) break
    expanded += text.slice(at, dollar)
    const next = text[dollar + 1]
    const close = next === '(' ? text.indexOf(')', dollar + 2) : -1
    if (next === '$') {
      expanded += '$'
      at = dollar + 2
    } else if (close === -1) {
      expanded += text.slice(dollar, dollar + 2)
      at = dollar + 2
    } else {
      const written = text.slice(dollar, close + 1)
      const found = lookUp(text.slice(dollar + 2, close))
      exact &&= found === undefined || found.value !== undefined
      expanded += found === undefined ? written : (found.value ?? written)
      at = close + 1
    }
  }
  return { text: expanded + text.slice(at), exact }
}
