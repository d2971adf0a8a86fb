/* What stands where a credential could: values that are none, and values that nobody makes up by hand. */

/** Words that stand in a value's place in documents, types and messages; compared without case. */
const WORDS = new Set(
  [
    'null none nil true false undefined nan string str text int integer number bool boolean object',
    'bytes byte char array list any map dict unknown optional required default empty unset blank',
    'disabled enabled yes no on off auto ask prompt stdin env file inline manual generated random',
    'password passwd pass pwd secret token apikey api_key api-key key value val username user email',
    'basic bearer oauth oauth2 jwt negotiate digest plain hidden invalid expired missing incorrect',
    'wrong failed success accepted denied ok error valid revoked rotated encrypted redacted masked',
    'todo tbd n/a na changeme change-me change_me changeit placeholder dummy fake sample example foo',
    'bar baz foobar xxx yyy zzz here me self this session header query cookie body form input',
    'credentials credential auth authentication authorization login account service opaque',
    'passwort kennwort contraseña senha wachtwoord parola lösenord adgangskode salasana files',
    'optional<string> string? char* const var let new await async return function lambda',
  ].flatMap((line) => line.split(' ')),
)

const EXAMPLES = new RegExp(
  [
    'lanyard-masked-',
    '(?:^|[^a-z])(?:your|my|the|some|any|an?)[-_ ](?:[a-z]+[-_ ])*(?:pass|secret|token|key|cred|value|user|account|api|auth|client|access)',
    '(?:example|placeholder|redacted|change[-_ ]?me|changeit|replace[-_ ]?(?:me|this|with)|insert[-_ ]|dummy|fake[-_]|not[-_ ]?(?:a[-_ ]?)?(?:real|secret)|goes[-_ ]here|[-_ ]here$|sample|omitted|censored|hidden|masked|removed>|snip)',
    'x{4,}|\\*{3,}|\\.{3,}|•{2,}|_{4,}|-{4,}|#{4,}|\\?{3,}|0{8,}',
    '(?:0123456789|1234567890|abcdefgh|abcdef0123|deadbeef(?:deadbeef|cafe)|aaaaaa)',
  ].join('|'),
  'i',
)

/** References to a value that stands elsewhere: variables, templates, stores, types. */
const REFERENCES = new RegExp(
  [
    '^\\$\\{?[A-Za-z_(@{]|^\\$\\(|^\\{\\{|^\\{%|^<[^>]*>?$|^\\[[^\\]]*\\]$|^\\{[^}]*\\}$|^%[A-Za-z_]+%$|^%[sdvq]$|^%\\(',
    '^#\\{|^@\\{|^@[A-Za-z]+\\(|^(?:vault|op|ref\\+[a-z]+|sops|secretsmanager|ssm|keyvault|awssm|gcpsm|bao|doppler|env|file)://?',
    '^(?:vault|env|ENC\\[|AQICAH|arn:|projects/|!vault|!ref|!sub)(?=[:\\[/a-z]|$)|\\{\\{[^}]*\\}\\}|\\$\\{[^}]*\\}|\\$\\([^)]*\\)|<[a-z][a-z0-9_ -]*>',
  ].join('|'),
)

/** Whether a value only stands for one: an example, a variable, a template, a word of a type or of a message. */
export function isPlaceholder(value: string): boolean {
  if (WORDS.has(value.toLowerCase())) return true
  if (REFERENCES.test(value)) return true
  if (new Set(value).size <= Math.min(2, value.length - 1)) return true
  return EXAMPLES.test(value)
}

const NAME = /^[A-Za-z]+(?:[-_./:][A-Za-z]+)*(?:[-_./:]?v?\d{1,4})?(?:[-_./:][A-Za-z]+)*$/
const CAMEL = /^[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*\d{0,2}$/
/** More consonants in a row than words have. */
const NO_WORD = /[bcdfghjklmnpqrstvwxz]{5}/i
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]|$)/
const VERSION = /^v?\d+(?:\.\d+){1,3}(?:[-+][\w.]+)?$/
const PATH = /^(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[\w.@-]{1,32}[/\\])*[\w.@-]{0,64}$/

/** Whether a value is a file's path; base64 that begins with a slash is none. */
export function isPath(value: string): boolean {
  return (
    PATH.test(value) &&
    (!/^\/[A-Za-z0-9+/]{20,}={0,2}$/.test(value) || /^(?:\/[a-z]+)+$/.test(value))
  )
}

/** Whether a value is one of those that programs make: no word, name, path, date, version or duration. */
export function looksRandom(value: string): boolean {
  if (value.length < 8 || /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return false
  if (DATE.test(value) || VERSION.test(value) || isPath(value)) return false
  const isHex = /^[0-9a-f]{16,}$/i.test(value)
  if (isHex) return /\d/.test(value)
  const hasDigit = /\d/.test(value)
  if (/^[\d.,:+-]+$/.test(value)) return false
  if (NAME.test(value) && !mixes(value))
    return value.length >= 16 && NO_WORD.test(value) && /^[A-Za-z0-9]+$/.test(value)
  if (hasDigit) return /[A-Za-z]/.test(value) && entropy(value) >= 2.5
  return value.length >= 16 && mixes(value) && !CAMEL.test(value) && entropy(value) >= 3.5
}

/** Whether a value can be nothing but made by a program, whatever stands around it. */
export function isSurelyRandom(value: string): boolean {
  if (!/^[A-Za-z0-9_+/=.~-]{16,}$/.test(value) || isPath(value)) return false
  const digits = value.match(/\d/g)?.length ?? 0
  if (/^[0-9a-f]{24,}(?:-[0-9a-f]{8,})*$/.test(value)) return value.length >= 32 && digits >= 4
  if (/^[a-z0-9]+$/.test(value)) return value.length >= 24 && digits >= 4
  return digits >= 1 && mixes(value) && entropy(value) >= 3.3
}

/** Whether cases of letters change as in no word or name. */
function mixes(value: string): boolean {
  const letters = value.replaceAll(/[^A-Za-z]/g, '')
  const changes = letters.match(/[a-z][A-Z]|[A-Z]{2}[a-z]/g)?.length ?? 0
  return changes >= Math.max(3, letters.length / 8)
}

/** Shannon entropy, in bits a character; 0 for an empty text. */
export function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const one of text) counts.set(one, (counts.get(one) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
