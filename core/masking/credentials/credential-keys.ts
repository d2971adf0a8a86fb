/* Names under which programs, charts and cloud clients keep credentials, and those that only sound like it. */

export type KeyClass = 'password' | 'secret' | 'token' | 'key'

/** In any case of letters; each is looked at with the whole name around it. */
export const KEY_KEYWORDS: readonly string[] = [
  ...['pass', 'pwd', 'secret', 'token', 'credential', 'jwt', '_pw', '-pw', '_auth', 'cookie'],
  ...[
    'api',
    'access',
    'private',
    'account',
    'shared',
    'encryption',
    'signing',
    'master',
    'auth',
  ].flatMap(withKey),
  ...[
    'app',
    'application',
    'deploy',
    'service',
    'storage',
    'hmac',
    'admin',
    'root',
    'write',
  ].flatMap(withKey),
  ...['subscription', 'function', 'license', 'session', 'primary', 'secondary', 'read'].flatMap(
    withKey,
  ),
  ...['client-key-data', 'key_base', 'identified by', 'connectionstring', 'sas_key', 'host_key'],
  ...['encrypt_key', 'cipher_key', 'crypt_key', 'aes_key', 'ssh_key', 'jwt_key', 'sign_key'],
]

function withKey(word: string): readonly string[] {
  return [`${word}key`, `${word}_key`, `${word}-key`, `${word}.key`]
}

const LAST = new Map<string, KeyClass>([
  ...['password', 'passwd', 'passphrase', 'passwort', 'pwd', 'pass', 'pw', 'passcode', 'passw'].map(
    (word) => [word, 'password'] as const,
  ),
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

/** Which kind of credential a name promises; undefined for none. */
export function classOfKey(name: string): KeyClass | undefined {
  const words = wordsOf(name)
  while (words.length > 1 && isBehind(words.at(-1) ?? '')) words.pop()
  const last = words.at(-1) ?? ''
  const before = words.at(-2) ?? ''
  if (last === 'id' && before === 'secret') return 'secret'
  if (last === 'key' && (BEFORE_KEY.has(before) || before.endsWith('secret'))) return 'key'
  if (JOINED_KEY.test(last)) return 'key'
  const found = LAST.get(last)
  if (found === 'token' && NOT_BEFORE_TOKEN.has(before)) return undefined
  // Several tokens are counted, or are those of a text.
  if (last === 'tokens') return undefined
  if (found !== undefined) return found
  if (/^_?auth$/.test(last) && /^_auth$/i.test(name)) return 'token'
  if (/client-key-data$/i.test(name)) return 'key'
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
