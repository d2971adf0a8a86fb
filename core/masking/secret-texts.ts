/**
 * Whether a variable of this name usually holds a credential. The names are those under which twelve-factor programs,
 * Helm charts and cloud clients take passwords, keys, tokens and URLs with passwords.
 */
export function namesCredential(name: string): boolean {
  return CREDENTIAL_NAMES.test(name.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(CAMEL, '$1_$2'))
}

const CAMEL = /([a-z0-9])([A-Z])/g
const WORDS = [
  ...['pass', 'passwd', 'password', 'passphrase', 'passcode', 'pwd', 'pw', 'pin', 'otp'],
  ...['secret', 'secrets', 'token', 'tokens', 'jwt', 'bearer', 'cookie', 'session', 'salt'],
  ...['cred', 'creds', 'credential', 'credentials', 'auth', 'authorization', 'signature', 'sas'],
  ...['key', 'keys', 'apikey', 'accesskey', 'secretkey', 'privatekey', 'pem', 'seed', 'license'],
  ...['dsn', 'connectionstring', 'conn', 'connstr', 'webhook', 'kubeconfig', 'dockerconfigjson'],
]
const STORES = 'database|db|redis|mongo|mongodb|amqp|rabbitmq|postgres|postgresql|mysql|broker|smtp'
const CREDENTIAL_NAMES = new RegExp(
  [
    `(?:^|_)(?:${WORDS.join('|')})(?:_|\\d|$)`,
    // PGPASSWORD, MYSQLPASSWD, GITHUBTOKEN.
    '(?:password|passwd|secret|token|apikey)',
    '(?:connection|conn)_(?:string|str|uri|url)',
    `(?:${STORES})_?(?:uri|url)`,
  ].join('|'),
  'i',
)

/** Whether a text is a file whose use is to hold credentials: a kubeconfig with one, or a Docker configuration. */
export function isCredentialFile(text: string): boolean {
  const isConfig = /\bclusters["']?\s*:/.test(text) && /\busers["']?\s*:/.test(text)
  if (
    isConfig &&
    /\b(?:token|password|client-key-data|client-certificate-data)["']?\s*:/.test(text)
  )
    return true
  return (
    /["']?\b(?:auths|credHelpers)["']?\s*:/.test(text) ||
    /^\[[^\]\n]{0,256}]\s{0,8}aws_/m.test(text)
  )
}

/** Quoted as Go quotes: a field and what is wrong with it stand around. Source: apimachinery/pkg/util/validation/field/errors.go (v1.34). */
const QUOTED_VALUE = /\bvalue: "(?:[^"\\]|\\.)*"?/gi

/**
 * A message of the API server without the values that it quotes: what stands quoted behind `Invalid value:`, and all of
 * an object or a comparison of two that is printed. The same text when there is none.
 */
export function withoutValues(message: string, token: string): string {
  const quoted = message.replaceAll(QUOTED_VALUE, `value: "${token}"`)
  const line = quoted.indexOf('\n')
  const head = line < 0 ? quoted : quoted.slice(0, line)
  const from = head.search(/[{`]/)
  const to = head.lastIndexOf('}')
  const told =
    from < 0 ? head : `${head.slice(0, from)}${token}${to < from ? '' : head.slice(to + 1)}`
  return line < 0 ? told : `${told} ${token}`
}
