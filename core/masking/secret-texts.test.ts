import { expect, test } from 'vitest'
import { isCredentialFile, namesCredential, withoutValues } from './secret-texts.ts'

test.each([
  ...['PASSWORD', 'DB_PASSWORD', 'PGPASSWORD', 'MYSQL_ROOT_PASSWORD', 'db.password', 'dbPassword'],
  ...['AWS_SECRET_ACCESS_KEY', 'API_KEY', 'apiKey', 'GITHUB_TOKEN', 'githubToken', 'GITHUBTOKEN'],
  ...['DATABASE_URL', 'REDIS_URL', 'MONGO_URI', 'CONNECTION_STRING', 'SENTRY_DSN', 'JWT_KEY_2'],
  ...[
    'BASIC_AUTH',
    'CLIENT_SECRET',
    'SESSION_COOKIE',
    'TLS_KEY',
    'smtp-pass',
    'WEBHOOK_URL',
    'TOKEN1',
  ],
])('namesCredential() %s', (name) => expect(namesCredential(name)).toBe(true))

test.each([
  ...['', 'HOME', 'PATH', 'POD_NAME', 'LOG_LEVEL', 'MONKEY', 'KEYCLOAK_HOST', 'AUTHOR', 'BYPASSED'],
  ...['COMPASS', 'SERVICE_URL', 'REPLICAS', 'SPINNER', 'TZ'],
])('namesCredential() not %j', (name) => expect(namesCredential(name)).toBe(false))

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: a
users:
- name: a
  user:
    token: abc`

test.each([
  ['a kubeconfig', kubeconfig, true],
  ['a kubeconfig in JSON', '{"clusters":[],"users":[{"user":{"client-key-data":"x"}}]}', true],
  ['a kubeconfig without credentials', kubeconfig.replace('token', 'name'), false],
  ['a Docker configuration', '{"auths":{"r.example":{"auth":"eDp5"}}}', true],
  ['AWS credentials', 'x\n[default]\naws_access_key_id = A', true],
  ['other YAML', 'users:\n- a\nretries: 3', false],
  ['nothing', '', false],
])('isCredentialFile() %s', (_name, text, want) => expect(isCredentialFile(text)).toBe(want))

test('isCredentialFile() takes time in proportion to any text', () => {
  const startMs = performance.now()
  for (const part of ['\n', ' ', '[', '[]\n', 'users', 'auths ', 'clusters: users: '])
    expect(isCredentialFile(part.repeat(1_000_000 / part.length))).toBe(false)
  expect(performance.now() - startMs).toBeLessThan(5_000)
})

test.each([
  ['nothing', 'secrets "x" not found', 'secrets "x" not found'],
  [
    'a quoted value',
    'spec.a: Invalid value: "hunter2": must be lower case',
    'spec.a: Invalid value: "T": must be lower case',
  ],
  ['one with a quote', 'a: Invalid value: "hun\\"ter2": no', 'a: Invalid value: "T": no'],
  ['one that does not end', 'a: Duplicate value: "hunter2', 'a: Duplicate value: "T"'],
  [
    'two',
    '[a: Invalid value: "x": no, b: Unsupported value: "y": no]',
    '[a: Invalid value: "T": no, b: Unsupported value: "T": no]',
  ],
  [
    'an object',
    'a: Invalid value: {"env":[{"value":"hunter2"}]}: field is immutable',
    'a: Invalid value: T: field is immutable',
  ],
  [
    'a comparison',
    'spec: Forbidden: pod updates may not change fields\n  core.PodSpec{\n- Value: "hunter2",',
    'spec: Forbidden: pod updates may not change fields T',
  ],
])('withoutValues() takes away %s', (_name, message, want) => {
  expect(withoutValues(message, 'T')).toBe(want)
})
