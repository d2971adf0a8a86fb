import { ALNUM, type Chance, DIGITS, LOWER } from './chance.ts'
import { password, privateKey } from './credentials-of-services.ts'

/** A text with a credential in it, and the parts of the text that give it away. */
export interface WholeText {
  readonly text: string
  readonly extension: string
  readonly secrets: readonly string[]
}

const SCHEMES = [
  'postgres',
  'postgresql',
  'mysql',
  'mongodb',
  'mongodb+srv',
  'redis',
  'rediss',
  'amqp',
  'amqps',
  'nats',
  'https',
  'http',
  'ftp',
  'smtp',
  'ldap',
  'clickhouse',
  'kafka',
]
const name = (chance: Chance) => chance.text(chance.number(3, 8), LOWER)
const host = (chance: Chance) => `${name(chance)}.${name(chance)}.example.net`

/** `scheme://user:password@host`, as programs are given it. */
export function urlWithPassword(chance: Chance): WholeText {
  const secret = chance.isLikely(0.15)
    ? encodeURIComponent(`${password(chance, true)}@#${chance.number(1, 9)}`)
    : password(chance, true)
  const scheme = chance.of(SCHEMES)
  const user = chance.isLikely(0.1) && scheme.startsWith('redis') ? '' : name(chance)
  const url = `${scheme}://${user}:${secret}@${host(chance)}${chance.of([':5432', ':6379', ':27017', ''])}${chance.of(['/app', '/', '', '/app?ssl=true'])}`
  return chance.of(
    [
      { text: `DATABASE_URL=${url}\nPORT=80\n`, extension: 'env' },
      { text: `broker:\n  url: ${url}\n  pool: 4\n`, extension: 'yaml' },
      { text: `2026-11-28T10:00:01Z ERROR connect ${url}: connection refused\n`, extension: 'log' },
      { text: `db = create_engine("${url}")\n`, extension: 'py' },
      { text: `${JSON.stringify({ dsn: url, max: 4 })}\n`, extension: 'json' },
      { text: `git clone ${url}\n`, extension: 'sh' },
      { text: `conn, err := sql.Open("pgx", "${url}")\n`, extension: 'go' },
    ].map((one) => ({ ...one, secrets: [secret] })),
  )
}

/** Connection strings that are no URLs. */
export function connectionString(chance: Chance): WholeText {
  const secret = password(chance, true)
  const key = `${chance.text(86, ALNUM)}==`
  const text = chance.of([
    [
      `"ConnectionStrings": {"Default": "Server=tcp:${host(chance)},1433;Database=app;User ID=app;Password=${secret};Encrypt=True;"}\n`,
      secret,
    ],
    [
      `dsn = "host=${host(chance)} user=app password=${secret} dbname=app sslmode=require"\n`,
      secret,
    ],
    [
      `spring.datasource.url=jdbc:mysql://${host(chance)}:3306/app?user=app&password=${secret}&useSSL=true\n`,
      secret,
    ],
    [
      `AZURE_STORAGE=DefaultEndpointsProtocol=https;AccountName=${name(chance)};AccountKey=${key};EndpointSuffix=core.windows.net\n`,
      key,
    ],
    [
      `Endpoint=sb://${name(chance)}.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=${chance.bytes(32).toString('base64')}\n`,
      '',
    ],
    [`dsn := "app:${secret}@tcp(${host(chance)}:3306)/app?parseTime=true"\n`, secret],
    [`${host(chance)}:5432:app:app:${secret}\n`, secret],
    [`Data Source=${host(chance)};Initial Catalog=app;Uid=sa;Pwd=${secret}\n`, secret],
    [`machine ${host(chance)} login ci password ${secret}\n`, secret],
    [`redis:\n  addr: ${host(chance)}:6379\n  password: ${secret}\n  db: 0\n`, secret],
  ] as const)
  const found = text[1] === '' ? (/SharedAccessKey=(\S+)/.exec(text[0])?.[1] ?? '') : text[1]
  return { text: text[0], extension: chance.of(['conf', 'txt', 'log', 'ini']), secrets: [found] }
}

/** Basic credentials in headers and commands. */
export function basicCredential(chance: Chance): WholeText {
  const secret = password(chance, true)
  const encoded = Buffer.from(`${name(chance)}:${secret}`).toString('base64')
  const [text, found] = chance.of([
    [`Authorization: Basic ${encoded}\n`, encoded],
    [`curl -H 'Authorization: Basic ${encoded}' https://${host(chance)}/\n`, encoded],
    [`req.Header.Set("Authorization", "Basic ${encoded}")\n`, encoded],
    [`curl -fsSL -u ${name(chance)}:${secret} https://${host(chance)}/file\n`, secret],
    [`sshpass -p '${secret}' ssh root@${host(chance)}\n`, secret],
    [`mysql -h ${host(chance)} -u root -p${secret} app\n`, secret],
    [`docker login -u ci -p ${secret} registry.example.com\n`, secret],
    [`PGPASSWORD=${secret} psql -h ${host(chance)} app\n`, secret],
    [`${JSON.stringify({ auths: { 'registry.example.com': { auth: encoded } } })}\n`, encoded],
  ] as const)
  return { text, extension: chance.of(['sh', 'txt', 'log']), secrets: [found] }
}

/** A private key as files, manifests and programs have it. */
export function keyInText(chance: Chance): WholeText {
  const pem = privateKey(chance)
  const lines = pem.split('\n')
  const body = lines.filter((line) => /^[A-Za-z0-9+/=]{8,}$/.test(line))
  const indented = (spaces: number) =>
    lines.map((line) => `${' '.repeat(spaces)}${line}\n`).join('')
  return chance.of([
    () => ({ text: `${pem}\n`, extension: 'pem', secrets: body }),
    () => ({
      text: `tls:\n  key: |\n${indented(4)}  enabled: true\n`,
      extension: 'yaml',
      secrets: body,
    }),
    () => ({
      text: `${JSON.stringify({ type: 'service_account', private_key: `${pem}\n`, client_id: chance.text(21, DIGITS) })}\n`,
      extension: 'json',
      secrets: body,
    }),
    () => ({ text: `KEY = """${pem}\n"""\n`, extension: 'py', secrets: body }),
    () => ({ text: `var key = \`${pem}\`\n`, extension: 'go', secrets: body }),
    () => ({
      text: `PRIVATE_KEY="${pem.replaceAll('\n', '\\n')}"\n`,
      extension: 'env',
      secrets: body,
    }),
    () => ({
      text: lines.map((line) => `2026-11-28T10:00:00.000Z stdout F ${line}\n`).join(''),
      extension: 'log',
      secrets: body,
    }),
  ])()
}

/** Credentials in the forms that Kubernetes and its tools give them. */
export function kubernetesText(chance: Chance): WholeText {
  const secret = password(chance, true)
  const base64 = Buffer.from(secret).toString('base64')
  const bootstrap = [
    chance.text(6, `${LOWER}${DIGITS}`),
    chance.text(16, `${LOWER}${DIGITS}`),
  ] as const
  const key = Buffer.from(privateKey(chance)).toString('base64')
  const auth = Buffer.from(`robot:${secret}`).toString('base64')
  return chance.of([
    () => ({
      text: `apiVersion: v1\ndata:\n  username: YXBw\n  password: ${base64}\nkind: Secret\nmetadata:\n  name: ${name(chance)}\n  namespace: team\ntype: Opaque\n`,
      extension: 'yaml',
      secrets: [base64],
    }),
    () => ({
      text: `${JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: name(chance) }, data: { 'db-password': base64 } })}\n`,
      extension: 'json',
      secrets: [base64],
    }),
    () => ({
      text: `kubeadm join 10.0.0.${chance.number(1, 250)}:6443 --token ${bootstrap.join('.')} \\\n\t--discovery-token-ca-cert-hash sha256:${chance.text(64, '0123456789abcdef')}\n`,
      extension: 'sh',
      secrets: [bootstrap[1]],
    }),
    () => ({
      text: `apiVersion: v1\nkind: Secret\nmetadata:\n  name: bootstrap-token-${bootstrap[0]}\nstringData:\n  token-id: ${bootstrap[0]}\n  token-secret: ${bootstrap[1]}\ntype: bootstrap.kubernetes.io/token\n`,
      extension: 'yaml',
      secrets: [bootstrap[1]],
    }),
    () => ({
      text: `users:\n- name: admin\n  user:\n    client-certificate-data: ${Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB').toString('base64')}\n    client-key-data: ${key}\n`,
      extension: 'yaml',
      secrets: [key],
    }),
    () => ({
      text: `users:\n- name: ci\n  user:\n    username: ci\n    password: ${secret}\n`,
      extension: 'yaml',
      secrets: [secret],
    }),
    () => ({
      text: `${JSON.stringify({ auths: { 'registry.example.com': { username: 'robot', password: secret, auth } } })}\n`,
      extension: 'json',
      secrets: [secret, auth],
    }),
    () => ({
      text: `data:\n  tls.crt: ${Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB').toString('base64')}\n  tls.key: ${key}\nkind: Secret\ntype: kubernetes.io/tls\n`,
      extension: 'yaml',
      secrets: [key],
    }),
    () => ({
      text: `${JSON.stringify({ name: 'POSTGRES_PASSWORD', value: secret })}\n`,
      extension: 'json',
      secrets: [secret],
    }),
    () => ({
      text: `    Environment:\n      LOG_LEVEL:          debug\n      POSTGRES_PASSWORD:  ${secret}\n      PORT:               8080\n`,
      extension: 'txt',
      secrets: [secret],
    }),
  ])()
}
