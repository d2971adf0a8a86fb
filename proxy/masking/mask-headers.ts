import { headerValue, withoutHeaders } from '../wire/header-pairs.ts'

/** A form that can be masked, and the content type under which the caller takes it. */
export interface MaskableForm {
  /** The Accept header for the API server. */
  readonly accept: string
  /** The caller takes YAML only, of which JSON is a part. */
  readonly isYaml: boolean
}

/** Parameters such as as=Table, v=v1, stream=watch, q=0.5; none in quotes. */
const CLAUSE =
  /^(application\/json|application\/yaml|application\/\*|\*\/\*)((?:\s*;\s*[\w-]+=[\w.\-+/]+)*)$/i
const TABLE = /;\s*as=Table(?:\s*;|$)/i
const REFUSED = /;\s*q=0(?:\.0*)?(?:\s*;|$)/i

/**
 * What of an Accept header can be masked: JSON in each form that it asks for, an object, a Table or metadata alone, in
 * its order; no Table unless `mayBeTable`, where no cell can show what is hidden. Undefined when that is nothing. Source: RFC 9110 section 12.5.1; Kubernetes
 * apiserver/pkg/endpoints/handlers/negotiation/negotiate.go (v1.34).
 */
export function maskableForm(
  accept: string | undefined,
  mayBeTable = true,
): MaskableForm | undefined {
  if (accept === undefined || accept.trim() === '') return { accept: JSON_TYPE, isYaml: false }
  const taken = accept
    .split(',')
    .map((clause) => CLAUSE.exec(clause.trim()))
    .filter((match) => match !== null)
    .filter(([, , parameters = '']) => !REFUSED.test(parameters))
    .filter(([, , parameters = '']) => mayBeTable || !TABLE.test(parameters))
  const json = taken.filter(([, type]) => type?.toLowerCase() !== YAML_TYPE)
  const usable = json.length > 0 ? json : taken
  if (usable.length === 0) return undefined
  const forms = usable.map(([, , parameters = '']) => `${JSON_TYPE}${parameters}`)
  return { accept: [...new Set(forms)].join(','), isYaml: json.length === 0 }
}

const JSON_TYPE = 'application/json'
const YAML_TYPE = 'application/yaml'

/** Of the caller: what asks for another form, for a part, or for nothing when nothing has changed. */
const FORM_HEADERS = [
  ...['accept', 'accept-encoding', 'range', 'if-range', 'want-digest', 'want-content-digest'],
  ...['if-none-match', 'if-match', 'if-modified-since', 'if-unmodified-since'],
]

/** The headers of a request whose answer is masked: names and values in turn. */
export function maskedRequestHeaders(headers: readonly string[], form: MaskableForm): string[] {
  const kept = withoutHeaders(headers, ...FORM_HEADERS)
  return [...kept, 'accept', form.accept, 'accept-encoding', 'identity']
}

/** What is said of the bytes that are replaced: their length, digests and ranges. */
const BYTES_HEADERS = [
  ...['content-length', 'content-md5', 'digest', 'content-digest', 'repr-digest', 'etag'],
  ...['accept-ranges', 'content-range', 'content-encoding', 'last-modified'],
]

/** The headers of an answer that is masked: names and values in turn. */
export function maskedAnswerHeaders(headers: readonly string[], contentType: string): string[] {
  const kept = withoutHeaders(headers, ...BYTES_HEADERS, 'content-type')
  return contentType === '' ? kept : [...kept, 'content-type', contentType]
}

/** Whether an answer is JSON as it is, by its headers. */
export function isPlainJson(headers: readonly string[]): boolean {
  const [type = ''] = (headerValue(headers, 'content-type') ?? '').split(';')
  const coding = headerValue(headers, 'content-encoding')?.trim().toLowerCase() ?? ''
  return type.trim().toLowerCase() === JSON_TYPE && ['', 'identity'].includes(coding)
}
