import { DNS_LABEL_PATTERN } from './dns-names.ts'

const NAME = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'
const PREFIX = `(?=[^/]{1,253}/)${DNS_LABEL_PATTERN}(?:\\.${DNS_LABEL_PATTERN})*/`
/** `in` and `notin` are words of the grammar; nobody calls a label so. */
const KEY = `(?!(?:not)?in(?![-A-Za-z0-9_./]))(?:${PREFIX})?${NAME}`
const REQUIREMENT = [
  `! {0,4}${KEY}`,
  `${KEY}(?: {0,4}(?:!=|==?) {0,4}(?:${NAME})?)?`,
  `${KEY} {1,4}(?:not)?in {0,4}\\( {0,4}${NAME}(?: {0,4}, {0,4}${NAME})* {0,4}\\)`,
  `${KEY} {0,4}[<>] {0,4}[0-9]{1,18}`,
].join('|')
const ONE = ` {0,4}(?:${REQUIREMENT}) {0,4}`
const SELECTOR = new RegExp(`^(?:${ONE}(?:,${ONE})*)?$`)

/**
 * Whether kube-apiserver can parse a label selector. False for some that it could, which nobody
 * writes: empty words of a set, or a lot of space.
 * Keep in step with Kubernetes apimachinery/pkg/labels/selector.go (v1.34: Parse, NewRequirement).
 */
export function isLabelSelector(selector: string): boolean {
  return SELECTOR.test(selector)
}
