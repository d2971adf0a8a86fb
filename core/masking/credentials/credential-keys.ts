/* Names under which programs, charts and cloud clients keep credentials, and those that only sound like it. */

/** `some-key` may be any key: only what is random without doubt is a credential there. */
export type KeyClass = 'password' | 'secret' | 'token' | 'key' | 'some-key'

/** In any case of letters; each is looked at with the whole name around it. */
export const KEY_KEYWORDS: readonly string[] = [
  ...['pass', 'pwd', 'pw', 'psk', 'secret', 'token', 'credential', 'jwt', 'key', '_auth'],
]

const LAST = new Map<string, KeyClass>([
  ...[
    'password',
    'passwd',
    'passphrase',
    'passwort',
    'pwd',
    'pass',
    'pw',
    'passcode',
    'passw',
    'psk',
  ].map((word) => [word, 'password'] as const),
  ...['secret', 'secrets', 'credential', 'credentials', 'cred', 'creds'].map(
    (word) => [word, 'secret'] as const,
  ),
  ...['token', 'jwt', 'tokens'].map((word) => [word, 'token'] as const),
])
/** Written without anything between the words. */
const ENDS: readonly (readonly [string, KeyClass])[] = [
  ...[['password', 'password'] as const, ['passwd', 'password'] as const],
  ...[['passphrase', 'password'] as const, ['pwd', 'password'] as const],
  ...[['secret', 'secret'] as const, ['token', 'token'] as const],
]
const BEFORE_KEY = new Set(
  (
    'api access private account shared encryption signing master auth secret app application deploy service ' +
    'storage hmac admin root write license session subscription function encrypt cipher crypt aes jwt sign rest ' +
    'client host'
  ).split(' '),
)
const JOINED_KEY =
  /(?:api|access|private|account|shared|encryption|signing|master|auth|secret|app|storage|encrypt|license|subscription|function)key$/
/** Keys of these find or lock nothing that is secret; what other keys are shows in their values. */
const NOT_BEFORE_KEY = new Set(
  (
    'public pub cache primary foreign partition sort idempotency dedup deduplication group object s3 routing unique ' +
    'hash lookup translation map row column index range composite natural surrogate message event queue topic label ' +
    'annotation tag field property attribute param parameter config option setting i18n locale theme hot short press ' +
    'up down any enter escape return arrow modifier ssh known trusted trust ca cert certificate image ' +
    'metric counter join search order business resource entity candidate product serial activation ' +
    'the this each every per same of by a an no new old last first next prev previous current bundle dict json yaml'
  ).split(' '),
)
/** They say which, of what kind, or for whom; the name before them says what. */
const BEHIND = new Set(
  (
    'value val string str plain plaintext text raw base64 b64 encoded old new current previous prod production ' +
    'dev staging test primary secondary default live sandbox main backup override env var data base'
  ).split(' '),
)
/** What a token of these is counts, marks or finds something, and opens nothing. */
const NOT_BEFORE_TOKEN = new Set(
  (
    'max min next page continue continuation num count total input output prompt completion pad bos eos unk ' +
    'mask sep cls stop start end first last sync cancellation special per of list design budget cached'
  ).split(' '),
)

/** Texts use the same names again and again. */
const KNOWN_MAX = 2_000
const known = new Map<string, KeyClass | undefined>()

/** Which kind of credential a name promises; undefined for none. */
export function classOfKey(name: string): KeyClass | undefined {
  if (known.has(name)) return known.get(name)
  if (known.size >= KNOWN_MAX) known.clear()
  const found = judgeName(name)
  known.set(name, found)
  return found
}

function judgeName(name: string): KeyClass | undefined {
  const words = wordsOf(name)
  while (words.length > 1 && isBehind(words.at(-1) ?? '')) words.pop()
  const last = words.at(-1) ?? ''
  const before = words.at(-2) ?? ''
  if (last === 'id' && before === 'secret') return 'secret'
  if (last === 'key' && (BEFORE_KEY.has(before) || before.endsWith('secret'))) return 'key'
  if (JOINED_KEY.test(last)) return 'key'
  if (last === 'key' && before !== '' && !NOT_BEFORE_KEY.has(before)) return 'some-key'
  const found = LAST.get(last)
  // Names of Secrets of Kubernetes.
  if (found === 'secret' && /^(?:existing|pull|ref|tls|image|external|sealed)$/.test(before))
    return undefined
  if (found === 'token' && NOT_BEFORE_TOKEN.has(before)) return undefined
  // Several tokens are counted, or are those of a text.
  if (last === 'tokens') return undefined
  if (found !== undefined) return found
  if (/^_?auth$/.test(last) && /^_auth$/i.test(name)) return 'token'
  if (/client-key-data$/i.test(name)) return 'key'
  if (/rediscli_auth$/i.test(name)) return 'password'
  return ENDS.find(([end]) => last.length > end.length && last.endsWith(end))?.[1]
}

function isBehind(word: string): boolean {
  return BEHIND.has(word) || /^v?\d{1,3}$/.test(word)
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap((word) => splitNumber(word))
    .filter((word) => word !== '')
}

/** `password2` is the second of two. */
function splitNumber(word: string): readonly string[] {
  const parts = /^([a-z]+)(\d{1,3})$/.exec(word)
  return parts === null ? [word] : [parts[1] ?? '', parts[2] ?? '']
}
