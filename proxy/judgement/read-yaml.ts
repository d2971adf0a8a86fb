import type { Document, Node } from 'yaml'

/** Read in less than 200 ms, during which the sidecar does nothing else; larger objects come as JSON. */
const YAML_CHARACTERS_MAX = 32 * 1024

/** What ends a line in YAML 1.1, which kube-apiserver reads, and is a letter in YAML 1.2; and other controls. */
const AMBIGUOUS = /(?![\t\n])[\p{Cc}\u2028\u2029\uFEFF]/u

const DEPTH_MAX = 64
/** As many lists or keys that begin on one line, or as deep an indentation, as nobody writes. */
const DEEP_LINE = /^[ \t]*(?:[-?:][ \t]+){16}|^ {512}/m

/** Whether there may be more in each other than the parser reads in good time. */
function isNested(text: string): boolean {
  if (DEEP_LINE.test(text)) return true
  let depth = 0
  for (const letter of text.match(/[[\]{}]/g) ?? []) {
    depth = Math.max(0, depth + ('[{'.includes(letter) ? 1 : -1))
    if (depth > DEPTH_MAX) return true
  }
  return false
}

const NOT_PLAIN = 'the YAML of the body can be read in two ways; send it as JSON'

/**
 * Reads a body of one YAML document, every plain scalar as a text. `problem` says why it is not read: anchors, tags,
 * merges, keys that stand twice, several documents.
 */
export async function readYaml(
  text: string,
): Promise<{ readonly object: unknown } | { readonly problem: string }> {
  const lines = text.replaceAll('\r\n', '\n')
  if (lines.length > YAML_CHARACTERS_MAX)
    return {
      problem: `YAML of more than ${YAML_CHARACTERS_MAX} characters is not read; send the body as JSON`,
    }
  if (AMBIGUOUS.test(lines) || isNested(lines)) return { problem: NOT_PLAIN }
  const { parseAllDocuments, visit } = await import('yaml')
  try {
    const documents = parseAllDocuments(lines, { schema: 'failsafe', uniqueKeys: true })
    const [document, ...more] = documents as readonly Document.Parsed[]
    if (document === undefined || more.length > 0) return { problem: NOT_PLAIN }
    if (document.errors.length > 0 || document.warnings.length > 0) return { problem: NOT_PLAIN }
    let isPlain = !/^%/m.test(lines)
    visit(document, {
      Node: (_key, node: Node) => {
        if (node.tag !== undefined) isPlain = false
        if ('anchor' in node && node.anchor !== undefined) isPlain = false
      },
      Alias: () => {
        isPlain = false
      },
      Pair: (_key, { key }) => {
        const name = (key as { readonly value?: unknown } | null)?.value
        if (typeof name !== 'string' || name === '<<') isPlain = false
      },
    })
    return isPlain
      ? { object: document.toJS({ maxAliasCount: 0 }) as unknown }
      : { problem: NOT_PLAIN }
  } catch {
    // Converted: whatever the parser cannot read, or not within its stack, is not known.
    return { problem: NOT_PLAIN }
  }
}
