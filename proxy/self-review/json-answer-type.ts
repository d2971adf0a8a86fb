const JSON_TYPES = ['application/json', 'application/*', '*/*']
const YAML = 'application/yaml'

/**
 * The content type under which a caller takes JSON, by its Accept header: JSON, or YAML, of which JSON
 * is a part. Undefined when it takes neither, such as protobuf alone. Source: RFC 9110 section 12.5.1.
 */
export function jsonAnswerType(accept: string | undefined): string | undefined {
  if (accept === undefined || accept.trim() === '') return 'application/json'
  const taken = accept.split(',').map(takenType)
  if (taken.some((type) => JSON_TYPES.includes(type))) return 'application/json'
  return taken.includes(YAML) ? YAML : undefined
}

/** Empty for a type that is refused, and for one that wants another form, such as a Table. */
function takenType(clause: string): string {
  const [type = '', ...parameters] = clause.split(';').map((part) => part.trim().toLowerCase())
  const refused = parameters.some((one) => /^q=0(\.0*)?$/.test(one) || one.startsWith('as='))
  return refused ? '' : type
}
