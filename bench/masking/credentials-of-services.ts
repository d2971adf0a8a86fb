import { crc32 } from 'node:zlib'
import { ALNUM, BASE64URL, type Chance, DIGITS, HEX, LETTERS, LOWER, UPPER } from './chance.ts'

/** A kind of credential whose form a service publishes. */
export interface Kind {
  readonly name: string
  /** What programs call it. */
  readonly names: readonly string[]
  make(chance: Chance): string
}

const BASE62 = `${DIGITS}${UPPER}${LOWER}`

function base62(value: number): string {
  return value === 0 ? '' : base62(Math.floor(value / 62)) + (BASE62[value % 62] ?? '')
}

function withChecksum(prefix: string, chance: Chance): string {
  const body = chance.text(30, ALNUM)
  return prefix + body + base62(crc32(body)).padStart(6, '0')
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function jwt(chance: Chance): string {
  const alg = chance.of(['RS256', 'HS256', 'ES256', 'EdDSA', 'PS256'])
  const head = chance.of([
    { alg, typ: 'JWT' },
    { typ: 'JWT', alg },
    { alg, kid: chance.text(20, BASE64URL) },
  ])
  const times = { iat: 1_764_000_000 + chance.number(0, 9_999_999), exp: 1_790_000_000 }
  const body = chance.of([
    { sub: chance.uuid(), ...times },
    {
      iss: 'https://kubernetes.default.svc',
      sub: `system:serviceaccount:team:${chance.text(6, LOWER)}`,
      ...times,
    },
    { aud: ['api'], scope: 'read write', email: `${chance.text(5, LOWER)}@corp.example`, ...times },
  ])
  const signature = chance.bytes(chance.of([32, 64, 256])).toString('base64url')
  return `${part(head)}.${part(body)}.${signature}`
}

const kind = (name: string, names: readonly string[], make: (chance: Chance) => string): Kind => ({
  ...{ name, names, make },
})
const fixed = (prefix: string, length: number, alphabet: string) => (chance: Chance) =>
  prefix + chance.text(length, alphabet)

/** Forms as the services' documentation gives them. */
export const KINDS: readonly Kind[] = [
  kind('JWT', ['ID_TOKEN', 'jwt', 'accessToken', 'SESSION'], jwt),
  kind(
    'AWS access key',
    ['AWS_ACCESS_KEY_ID', 'accessKeyId', 'aws_access_key_id'],
    (chance) => chance.of(['AKIA', 'ASIA']) + chance.text(16, `${UPPER}234567`),
  ),
  kind(
    'AWS secret key',
    ['AWS_SECRET_ACCESS_KEY', 'secretAccessKey', 'aws_secret_access_key'],
    (chance) => chance.bytes(30).toString('base64'),
  ),
  kind('GCP', ['GOOGLE_API_KEY', 'apiKey', 'maps_key', 'GOOGLE_CLIENT_SECRET'], (chance) =>
    chance.of([
      fixed('AIza', 35, BASE64URL),
      fixed('GOCSPX-', 28, BASE64URL),
      fixed('ya29.', 140, BASE64URL),
    ])(chance),
  ),
  kind('Azure', ['AZURE_CLIENT_SECRET', 'clientSecret', 'AZURE_STORAGE_KEY'], (chance) =>
    chance.isLikely(0.5)
      ? `${chance.text(3, ALNUM)}8Q~${chance.text(34, `${ALNUM}_.-`)}`
      : `${chance.text(76, ALNUM)}+ASt${chance.text(6, ALNUM)}==`.replace(/.==$/, 'A=='),
  ),
  kind('GitHub', ['GITHUB_TOKEN', 'GH_TOKEN', 'token', 'ghToken'], (chance) =>
    chance.isLikely(0.7)
      ? withChecksum(chance.of(['ghp_', 'gho_', 'ghs_', 'ghu_']), chance)
      : `github_pat_${chance.text(22, ALNUM)}_${chance.text(59, ALNUM)}`,
  ),
  kind(
    'GitLab',
    ['GITLAB_TOKEN', 'CI_JOB_TOKEN', 'PRIVATE-TOKEN', 'glToken'],
    (chance) =>
      chance.of(['glpat-', 'gldt-', 'glrt-', 'glptt-']) +
      chance.text(chance.of([20, 26]), BASE64URL),
  ),
  kind(
    'Slack',
    ['SLACK_BOT_TOKEN', 'slackToken', 'SLACK_TOKEN'],
    (chance) =>
      `${chance.of(['xoxb', 'xoxp'])}-${chance.text(12, DIGITS)}-${chance.text(13, DIGITS)}-${chance.text(24, ALNUM)}`,
  ),
  kind(
    'Slack webhook',
    ['SLACK_WEBHOOK_URL', 'webhook', 'url'],
    (chance) =>
      `https://hooks.slack.com/services/T${chance.text(8, UPPER + DIGITS)}/B${chance.text(10, UPPER + DIGITS)}/${chance.text(24, ALNUM)}`,
  ),
  kind(
    'Stripe',
    ['STRIPE_SECRET_KEY', 'stripe_key', 'STRIPE_API_KEY'],
    (chance) =>
      chance.of(['sk_live_', 'rk_live_', 'sk_test_']) + chance.text(chance.of([24, 99]), ALNUM),
  ),
  kind('npm', ['NPM_TOKEN', '_authToken', 'NODE_AUTH_TOKEN'], (chance) =>
    withChecksum('npm_', chance),
  ),
  kind(
    'PyPI',
    ['PYPI_TOKEN', 'TWINE_PASSWORD', 'password'],
    fixed('pypi-AgEIcHlwaS5vcmc', 160, BASE64URL),
  ),
  kind(
    'Docker',
    ['DOCKER_PASSWORD', 'DOCKERHUB_TOKEN', 'registryToken'],
    fixed('dckr_pat_', 27, BASE64URL),
  ),
  kind(
    'Hugging Face',
    ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'hfToken'],
    fixed('hf_', 34, LETTERS),
  ),
  kind('OpenAI', ['OPENAI_API_KEY', 'openai.api_key', 'apiKey'], (chance) =>
    chance.isLikely(0.5)
      ? `sk-${chance.text(20, ALNUM)}T3BlbkFJ${chance.text(20, ALNUM)}`
      : `sk-proj-${chance.text(74, BASE64URL)}T3BlbkFJ${chance.text(74, BASE64URL)}`,
  ),
  kind(
    'Anthropic',
    ['ANTHROPIC_API_KEY', 'anthropicKey', 'x-api-key'],
    (chance) => `sk-ant-api03-${chance.text(93, BASE64URL)}AA`,
  ),
  kind('Databricks', ['DATABRICKS_TOKEN', 'dbToken', 'token'], fixed('dapi', 32, HEX)),
  kind('DigitalOcean', ['DIGITALOCEAN_TOKEN', 'DO_PAT', 'do_token'], fixed('dop_v1_', 64, HEX)),
  kind('Vault', ['VAULT_TOKEN', 'vaultToken', 'X-Vault-Token'], fixed('hvs.', 24, ALNUM)),
  kind(
    'Terraform',
    ['TF_TOKEN_app_terraform_io', 'TFE_TOKEN', 'token'],
    (chance) => `${chance.text(14, ALNUM)}.atlasv1.${chance.text(67, ALNUM)}`,
  ),
  kind('Twilio', ['TWILIO_AUTH_TOKEN', 'twilioAuthToken', 'TWILIO_API_KEY'], (chance) =>
    chance.isLikely(0.5) ? chance.text(32, HEX) : `SK${chance.text(32, HEX)}`,
  ),
  kind(
    'SendGrid',
    ['SENDGRID_API_KEY', 'sendgridKey', 'SMTP_PASSWORD'],
    (chance) => `SG.${chance.text(22, BASE64URL)}.${chance.text(43, BASE64URL)}`,
  ),
  kind('Mailgun', ['MAILGUN_API_KEY', 'mailgun_key', 'MG_KEY'], (chance) =>
    chance.isLikely(0.5)
      ? `key-${chance.text(32, HEX)}`
      : `${chance.text(32, HEX)}-${chance.text(8, HEX)}-${chance.text(8, HEX)}`,
  ),
  kind(
    'Telegram',
    ['TELEGRAM_BOT_TOKEN', 'bot_token', 'TG_TOKEN'],
    (chance) => `${chance.number(1, 9)}${chance.text(9, DIGITS)}:AA${chance.text(33, BASE64URL)}`,
  ),
  kind(
    'Discord',
    ['DISCORD_TOKEN', 'discordBotToken', 'BOT_TOKEN'],
    (chance) =>
      `MT${chance.text(24, ALNUM)}.G${chance.text(5, ALNUM)}.${chance.text(38, BASE64URL)}`,
  ),
  kind('Grafana', ['GRAFANA_TOKEN', 'grafanaApiKey', 'GF_TOKEN'], (chance) =>
    chance.isLikely(0.5)
      ? `glsa_${chance.text(32, ALNUM)}_${chance.text(8, HEX)}`
      : `glc_${Buffer.from(`{"o":"${chance.number(1, 999999)}","n":"x","k":"${chance.text(24, ALNUM)}","m":{"r":"eu"}}`).toString('base64')}`,
  ),
  kind('New Relic', ['NEW_RELIC_API_KEY', 'newRelicKey', 'NEW_RELIC_LICENSE_KEY'], (chance) =>
    chance.isLikely(0.5)
      ? `NRAK-${chance.text(27, UPPER + DIGITS)}`
      : `${chance.text(32, HEX)}FFFFNRAL`,
  ),
  kind('Datadog', ['DD_API_KEY', 'DATADOG_API_KEY', 'DD_APP_KEY'], (chance) =>
    chance.text(chance.of([32, 40]), HEX),
  ),
  kind('Other services', ['API_TOKEN', 'serviceToken', 'ACCESS_TOKEN'], (chance) =>
    chance.of([
      fixed('shpat_', 32, HEX),
      fixed('lin_api_', 40, ALNUM),
      fixed('figd_', 40, BASE64URL),
      fixed('rubygems_', 48, HEX),
      fixed('sntryu_', 64, HEX),
      fixed('pul-', 40, HEX),
      fixed('dp.pt.', 43, ALNUM),
      fixed('tskey-auth-k', 40, ALNUM),
      fixed('nfp_', 36, ALNUM),
      (one) => `PMAK-${one.text(24, HEX)}-${one.text(34, HEX)}`,
      fixed('ATATT3x', 180, BASE64URL),
      (one) => `xkeysib-${one.text(64, HEX)}-${one.text(16, ALNUM)}`,
    ])(chance),
  ),
  kind(
    'Random secret',
    ['CLIENT_SECRET', 'api_key', 'SIGNING_KEY', 'authToken', 'WEBHOOK_SECRET', 'encryptionKey'],
    (chance) =>
      chance.of([
        () => chance.text(chance.number(16, 48), ALNUM),
        () => chance.text(chance.of([32, 40, 64]), HEX),
        () => chance.bytes(chance.of([16, 24, 32, 48])).toString('base64'),
        () => chance.text(chance.number(20, 43), BASE64URL),
        () => chance.uuid(),
        () => chance.text(chance.of([16, 32]), `${UPPER}234567`),
      ])(),
  ),
]

/** A private key, as one text of many lines; the bytes are random. */
export function privateKey(chance: Chance): string {
  const label = chance.of([
    'RSA PRIVATE KEY',
    'PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'PGP PRIVATE KEY BLOCK',
  ])
  const body = chance.bytes(chance.of([120, 240, 600, 1_190])).toString('base64')
  const lines = body.match(new RegExp(`.{1,${chance.of([64, 64, 70, 76])}}`, 'g')) ?? []
  const headers =
    label === 'RSA PRIVATE KEY' && chance.isLikely(0.3)
      ? [
          'Proc-Type: 4,ENCRYPTED',
          `DEK-Info: AES-256-CBC,${chance.text(32, '0123456789ABCDEF')}`,
          '',
        ]
      : []
  return [`-----BEGIN ${label}-----`, ...headers, ...lines, `-----END ${label}-----`].join('\n')
}

const PASSWORD_WORDS = [
  'summer',
  'dragon',
  'welcome',
  'monkey',
  'kestrel',
  'winter',
  'orange',
  'falcon',
  'letmein',
  'qwerty',
  'harbor',
  'magnet',
  'copper',
  'velvet',
  'tundra',
  'pepper',
  'rocket',
  'sesame',
]

/** A password, as people and programs make them. */
export function password(chance: Chance, isPlain = false): string {
  const word = chance.of(PASSWORD_WORDS)
  const symbols = isPlain ? '-_.' : '!#%^*?+~-_.'
  return chance.of([
    () => `${word}${chance.number(1, 9_999)}`,
    () =>
      `${word[0]?.toUpperCase()}${word.slice(1)}${chance.of([...symbols])}${chance.number(10, 2_030)}`,
    () => chance.text(chance.number(10, 24), ALNUM),
    () =>
      chance
        .text(chance.number(10, 24), ALNUM + symbols)
        .replace(/^[^A-Za-z0-9]|[^A-Za-z0-9]$/g, 'k'),
    () => `${word}-${chance.of(PASSWORD_WORDS)}-${chance.of(PASSWORD_WORDS)}`,
    () => `${chance.text(4, LOWER)}-${chance.text(4, DIGITS)}-${chance.text(4, UPPER)}`,
    () => word.replace('e', '3').replace('o', '0').replace('a', '4') + chance.of(['', '1', '99']),
  ])()
}
