import { ALNUM, BASE64, type Chance, DIGITS, HEX, LOWER, UPPER } from './chance.ts'

interface LookAlike {
  readonly text: string
  readonly extension: string
}

export interface LookAlikeKind {
  readonly name: string
  make(chance: Chance): LookAlike
}

const name = (chance: Chance) => chance.text(chance.number(3, 8), LOWER)
const sha = (chance: Chance) => chance.text(40, HEX)
const digest = (chance: Chance) => chance.text(64, HEX)
const pick = (chance: Chance, rows: readonly (readonly [string, string])[]): LookAlike => {
  const [extension, text] = chance.of(rows)
  return { extension, text: `${text}\n` }
}

/** What looks like a credential to who knows only its letters. */
export const LOOK_ALIKES: readonly LookAlikeKind[] = [
  {
    name: 'UUID',
    make: (chance) =>
      pick(chance, [
        ['yaml', `metadata:\n  uid: ${chance.uuid()}\n  name: ${name(chance)}`],
        ['log', `request_id=${chance.uuid()} status=200 duration=${chance.number(1, 99)}ms`],
        ['json', `{"sessionId":"${chance.uuid()}","tokenId":"${chance.uuid()}"}`],
        ['env', `TENANT_ID=${chance.uuid()}`],
        ['py', `CLIENT_ID = "${chance.uuid()}"`],
      ]),
  },
  {
    name: 'digest',
    make: (chance) =>
      pick(chance, [
        ['yaml', `image: registry.example/app@sha256:${digest(chance)}`],
        ['txt', `${digest(chance)}  app-${chance.number(1, 9)}.tar.gz`],
        ['json', `{"integrity":"sha512-${chance.bytes(64).toString('base64')}","version":"1.2.3"}`],
        [
          'txt',
          `golang.org/x/net v0.${chance.number(1, 40)}.0 h1:${chance.bytes(32).toString('base64')}`,
        ],
        ['log', `Successfully built image sha256:${digest(chance)}`],
        ['yaml', `annotations:\n  checksum/secret: ${digest(chance)}`],
        ['sh', `--discovery-token-ca-cert-hash sha256:${digest(chance)}`],
        ['json', `{"etag":"${chance.text(32, HEX)}","md5":"${chance.text(32, HEX)}"}`],
      ]),
  },
  {
    name: 'git SHA',
    make: (chance) =>
      pick(chance, [
        ['log', `HEAD is now at ${sha(chance).slice(0, 9)} fix the token parser`],
        ['yaml', `- uses: actions/checkout@${sha(chance)}`],
        [
          'txt',
          `commit ${sha(chance)}\nAuthor: ci <ci@example.com>\n\n    rotate the password of the database`,
        ],
        ['json', `{"revision":"${sha(chance)}","ref":"refs/heads/secret-rotation"}`],
        ['txt', `index ${sha(chance).slice(0, 10)}..${sha(chance).slice(0, 10)} 100644`],
        ['py', `__commit__ = "${sha(chance)}"`],
      ]),
  },
  {
    name: 'base64 image',
    make: (chance) => {
      const image = chance.bytes(chance.number(100, 700)).toString('base64')
      return pick(chance, [
        ['html', `<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA${image}">`],
        ['css', `.i { background: url(data:image/gif;base64,R0lGODlh${image}) }`],
        ['json', `{"icon":"iVBORw0KGgoAAAANSUhEUgAA${image}","size":32}`],
        ['txt', `"font": "d09GMgABAAAA${image}"`],
      ])
    },
  },
  {
    name: 'public key',
    make: (chance) => {
      const body = chance.bytes(chance.number(200, 900)).toString('base64')
      return pick(chance, [
        [
          'pem',
          `-----BEGIN CERTIFICATE-----\n${body.replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----`,
        ],
        ['pem', `-----BEGIN PUBLIC KEY-----\n${body.slice(0, 128)}\n-----END PUBLIC KEY-----`],
        [
          'txt',
          `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA${chance.text(43, BASE64)} ${name(chance)}@host`,
        ],
        ['yaml', `caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk${body}`],
        ['txt', `SHA256:${chance.text(43, BASE64)} ${name(chance)}@host (ED25519)`],
        [
          'json',
          `{"kty":"EC","crv":"P-256","x":"${chance.bytes(32).toString('base64url')}","kid":"${chance.text(27, ALNUM)}"}`,
        ],
      ])
    },
  },
  {
    name: 'placeholder',
    make: (chance) => {
      const value = chance.of([
        '<your-token>',
        'YOUR_API_KEY',
        'changeme',
        'xxxxxxxxxxxx',
        '********',
        'REPLACE_ME',
        '<redacted>',
        'your-password-here',
        '[REDACTED]',
        'example-secret',
        `${'TO'}DO`,
        'my-secret-token',
        'PLACEHOLDER',
        'insert-key-here',
        '...',
        '<PASSWORD>',
        '{{ .Values.password }}',
        '$(DB_PASSWORD)',
        `$${'{API_TOKEN}'}`,
        '%(password)s',
        'dummy-token',
      ])
      const key = chance.of([
        'password',
        'token',
        'api_key',
        'secret',
        'client_secret',
        'auth_token',
      ])
      return pick(chance, [
        ['yaml', `auth:\n  ${key}: ${/[{[%*]/.test(value) ? `"${value}"` : value}`],
        ['env', `${key.toUpperCase()}=${value}`],
        ['md', `Set \`${key}: ${value}\` before you start.`],
        ['json', `{"${key}":"${value}"}`],
        ['py', `${key} = "${value}"`],
        ['sh', `./tool --${key.replace('_', '-')} "${value}"`],
      ])
    },
  },
  {
    name: 'documentation example',
    make: (chance) =>
      pick(chance, [
        ['md', `aws_access_key_id = ${'AKIA'}IOSFODNN7EXAMPLE`],
        ['md', `aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY${'EXAMPLEKEY'}`],
        ['md', `postgres://user:password@localhost:5432/db`],
        ['md', `curl -u username:password https://api.example.com/${name(chance)}`],
        ['md', `Authorization: Bearer <access_token>`],
        ['md', `kubeadm join 10.0.0.1:6443 --token abcdef.${'0123456789abcdef'}`],
        ['md', `export GITHUB_TOKEN=ghp_${'x'.repeat(36)}`],
        ['md', `https://user:pass@example.com/${name(chance)}`],
        ['md', `slack_token: xoxb-your-token-${name(chance)}`],
        ['md', `OPENAI_API_KEY=sk-...`],
      ]),
  },
  {
    name: 'code',
    make: (chance) => {
      const one = name(chance)
      return pick(chance, [
        [
          'py',
          `password = getpass.getpass("Password: ")\ntoken = os.environ["${one.toUpperCase()}_TOKEN"]`,
        ],
        [
          'go',
          `token, err := client.CreateToken(ctx, ${one})\nif password == "" { return errNoPassword }`,
        ],
        ['js', `const token = await getToken(${one})\nconst { password } = req.body`],
        ['ts', `interface Login { user: string; password: string; token?: string | undefined }`],
        [
          'go',
          `type Config struct {\n\tPassword string \`json:"password"\`\n\tToken *SecretRef\n}`,
        ],
        ['py', `def login(user: str, password: str, token: Optional[str] = None) -> Session:`],
        [
          'sh',
          `TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\nread -s -p "Password: " PASSWORD`,
        ],
        ['js', `export const setPassword = (password) => ({ type: SET_PASSWORD, password })`],
        [
          'java',
          `String password = config.getString("db.password");\nprivate final SecretKey secretKey;`,
        ],
        ['py', `parser.add_argument("--api-key", help="key of the API", default=None)`],
        [
          'js',
          `const passwordField = document.querySelector('#password')\nerrors.password = 'Password is required'`,
        ],
        [
          'rs',
          `let secret: Secret = Secret::new(&token_bytes);\nlet api_key = self.api_key.clone();`,
        ],
      ])
    },
  },
  {
    name: 'Kubernetes reference',
    make: (chance) => {
      const one = name(chance)
      return pick(chance, [
        [
          'yaml',
          `env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: ${one}-db, key: password}`,
        ],
        [
          'yaml',
          `volumes:\n- name: tls\n  secret:\n    secretName: ${one}-tls-${chance.number(1, 9)}`,
        ],
        ['yaml', `imagePullSecrets:\n- name: ${one}-registry-secret`],
        ['json', `{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}`],
        ['log', `secret/${one}-token-${chance.text(5, LOWER)} created`],
        ['yaml', `automountServiceAccountToken: false\nserviceAccountName: ${one}`],
        [
          'yaml',
          `kind: SealedSecret\nspec:\n  template:\n    metadata:\n      name: ${one}-secret`,
        ],
        ['yaml', `passwordSecretRef: ${one}-password\nexistingSecret: ${one}-credentials`],
        [
          'txt',
          `NAME  TYPE  DATA  AGE\n${one}-token-abc12   kubernetes.io/service-account-token   3      12d`,
        ],
        [
          'yaml',
          `tokenReviews: true\nsecretName: wildcard-${one}-tls\ntokenExpirationSeconds: 3600`,
        ],
      ])
    },
  },
  {
    name: 'words',
    make: (chance) =>
      pick(chance, [
        ['log', `Password: must be at least ${chance.number(8, 16)} characters`],
        ['log', `invalid token: unexpected end of input at line ${chance.number(1, 99)}`],
        ['txt', `error: token expired ${chance.number(1, 99)} minutes ago; run login again`],
        ['log', `authentication failed: wrong password for user ${name(chance)}`],
        ['txt', `The bearer token authentication plugin reads the basic authentication header.`],
        [
          'log',
          `secrets "${name(chance)}" is forbidden: cannot get resource "secrets" in API group ""`,
        ],
        [
          'log',
          `level=info msg="token refreshed" token_type=bearer expires_in=${chance.number(100, 9999)}`,
        ],
        [
          'txt',
          `max_tokens: ${chance.number(100, 9999)}\nprompt_tokens: ${chance.number(100, 9999)}`,
        ],
        ['log', `--- PASS: TestRotate${chance.text(4, LOWER)}2 (0.0${chance.number(1, 9)}s)`],
        ['txt', `Passwords and secrets are rotated each night; the tokens live for an hour.`],
        ['log', `E1128 10:00:00 reflector.go:204] failed to list *v1.Secret: secrets is forbidden`],
      ]),
  },
  {
    name: 'identifier',
    make: (chance) =>
      pick(chance, [
        [
          'log',
          `trace_id=${chance.text(32, HEX)} span_id=${chance.text(16, HEX)} next_token=${chance.text(24, ALNUM)}`,
        ],
        [
          'json',
          `{"continue":"${chance.bytes(60).toString('base64url')}","resourceVersion":"${chance.text(9, DIGITS)}"}`,
        ],
        ['txt', `arn:aws:kms:eu-west-1:${chance.text(12, DIGITS)}:key/${chance.uuid()}`],
        ['log', `pod/${name(chance)}-${chance.text(10, HEX)}-${chance.text(5, LOWER)} scheduled`],
        [
          'json',
          `{"account_sid":"AC${chance.text(32, HEX)}","public_key":"pk_live_${chance.text(24, ALNUM)}"}`,
        ],
        ['txt', `https://example.com/p/${chance.text(43, ALNUM)}?v=${chance.text(11, ALNUM)}`],
        [
          'txt',
          `${chance.text(4, UPPER)}-${chance.text(4, DIGITS)}-${chance.text(4, UPPER)} order of ${name(chance)}`,
        ],
        [
          'log',
          `key_id=${chance.text(20, UPPER)} key_fingerprint=${chance.text(2, HEX)}:${chance.text(2, HEX)}:${chance.text(2, HEX)}`,
        ],
        [
          'txt',
          `10.0.0.${chance.number(1, 250)} - - "GET /static/app.${chance.text(20, HEX)}.js HTTP/1.1" 200`,
        ],
        [
          'txt',
          `http://localhost:${chance.number(1_024, 9_999)}/@vite/client and git@github.com:${name(chance)}/app.git`,
        ],
      ]),
  },
]
