import { ALNUM, type Chance, HEX, LOWER } from './chance.ts'

/** A place where a value stands. */
export interface Place {
  readonly name: string
  readonly extension: string
  /** Whether only letters, digits and a few signs can stand there. */
  readonly isPlain?: boolean
  write(value: string, key: string, chance: Chance): string
}

const snake = (key: string) =>
  key
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_/, '')
const upper = (key: string) => snake(key).toUpperCase()
const camel = (key: string) =>
  snake(key)
    .toLowerCase()
    .replaceAll(/_([a-z0-9])/g, (_all, one: string) => one.toUpperCase())
const kebab = (key: string) => snake(key).toLowerCase().replaceAll('_', '-')
const time = (chance: Chance) =>
  `2026-11-${chance.number(10, 28)}T0${chance.number(0, 9)}:${chance.number(10, 59)}:${chance.number(10, 59)}.${chance.number(100, 999)}Z`
const host = (chance: Chance) =>
  `${chance.of(['db', 'cache', 'api', 'git', 'queue'])}-${chance.number(0, 9)}.${chance.text(4, LOWER)}.example.com`

/** Where people and programs write a value under a name. */
export const PLACES: readonly Place[] = [
  {
    ...{ name: 'YAML', extension: 'yaml' },
    write: (value, key, chance) =>
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: app-${chance.text(4, LOWER)}\nstringData:\n  ${chance.of([kebab, camel, upper])(key)}: ${chance.isLikely(0.4) && !value.includes('"') ? `"${value}"` : value}\ntype: Opaque\n`,
  },
  {
    ...{ name: 'values.yaml', extension: 'yaml' },
    write: (value, key, chance) =>
      `replicas: ${chance.number(1, 5)}\nimage:\n  repository: registry.example/app\n  tag: v1.${chance.number(1, 30)}.0\nauth:\n  enabled: true\n  ${camel(key)}: '${value}'\nresources:\n  limits: {cpu: 500m, memory: 256Mi}\n`,
  },
  {
    ...{ name: 'pod environment', extension: 'yaml' },
    write: (value, key, chance) =>
      `spec:\n  containers:\n  - name: app\n    image: registry.example/app:v${chance.number(1, 9)}\n    env:\n    - name: LOG_LEVEL\n      value: debug\n    - name: ${upper(key)}\n      value: ${chance.isLikely(0.5) ? `"${value}"` : value}\n    ports:\n    - containerPort: 8080\n`,
  },
  {
    ...{ name: '.env', extension: 'env' },
    write: (value, key, chance) =>
      `# settings of ${chance.text(5, LOWER)}\nPORT=80${chance.number(10, 99)}\nNODE_ENV=production\n${upper(key)}=${chance.isLikely(0.3) ? `"${value}"` : value}\nLOG_LEVEL=info\n`,
  },
  {
    ...{ name: 'shell', extension: 'sh', isPlain: true },
    write: (value, key, chance) =>
      `#!/bin/sh\nset -eu\n${chance.of([
        `export ${upper(key)}='${value}'`,
        `${upper(key)}=${value} ./deploy.sh --verbose`,
        `./tool login --${kebab(key)} ${value} --host ${host(chance)}`,
        `./tool --${kebab(key)}=${value}`,
        `kubectl create secret generic app --from-literal=${kebab(key)}=${value}`,
        `docker run -e ${upper(key)}=${value} registry.example/app:1`,
      ])}\necho done\n`,
  },
  {
    ...{ name: 'log', extension: 'log', isPlain: true },
    write: (value, key, chance) => {
      const line = chance.of([
        () =>
          `${time(chance)} INFO  starting with ${snake(key)}=${value} host=${host(chance)} retries=3`,
        () =>
          `level=debug ts=${time(chance)} msg="request sent" ${kebab(key)}="${value}" status=200`,
        () =>
          `${time(chance)} DEBUG config loaded: {'host': '${host(chance)}', '${snake(key).toLowerCase()}': '${value}', 'port': 5432}`,
        () =>
          `I1128 10:${chance.number(10, 59)}:11.123456       1 client.go:${chance.number(10, 400)}] ${camel(key)}: ${value}, timeout: 30s`,
      ])()
      return `${time(chance)} INFO  listening on :8080\n${line}\n${time(chance)} INFO  ready in ${chance.number(10, 900)}ms\n`
    },
  },
  {
    ...{ name: 'JSON', extension: 'json' },
    write: (value, key, chance) =>
      chance.isLikely(0.5)
        ? `${JSON.stringify({ host: host(chance), port: 443, [camel(key)]: value, verify: true }, undefined, 2)}\n`
        : `${JSON.stringify({ id: chance.uuid(), config: { [snake(key).toLowerCase()]: value }, revision: chance.text(40, HEX) })}\n`,
  },
  {
    ...{ name: 'JSON in a log', extension: 'log' },
    write: (value, key, chance) =>
      `${JSON.stringify({ time: time(chance), level: 'info', msg: 'body', body: JSON.stringify({ [camel(key)]: value, user: 'ci' }) })}\n`,
  },
  {
    ...{ name: 'Go', extension: 'go' },
    write: (value, key, chance) =>
      `package main\n\nimport "os"\n\n${chance.of([
        `const ${camel(key)} = "${value}"`,
        `var ${camel(key)} string = "${value}"`,
        `func setup() { os.Setenv("${upper(key)}", "${value}") }`,
        `var cfg = Config{Host: "${host(chance)}", ${camel(key)}: "${value}"}`,
      ])}\n\nfunc main() { run(os.Args[1:]) }\n`,
  },
  {
    ...{ name: 'Python', extension: 'py' },
    write: (value, key, chance) =>
      `import os\nimport requests\n\n${chance.of([
        `${upper(key)} = "${value}"`,
        `${snake(key).toLowerCase()}: str = '${value}'`,
        `os.environ["${upper(key)}"] = "${value}"`,
        `client = Client(host="${host(chance)}", ${snake(key).toLowerCase()}="${value}")`,
        `settings = {"debug": False, "${snake(key).toLowerCase()}": "${value}"}`,
      ])}\n\ndef main():\n    return requests.get("https://${host(chance)}/v1/items")\n`,
  },
  {
    ...{ name: 'INI', extension: 'ini', isPlain: true },
    write: (value, key, chance) =>
      `[server]\nhost = ${host(chance)}\nport = 5432\n\n[auth]\nuser = app\n${snake(key).toLowerCase()} = ${value}\n`,
  },
  {
    ...{ name: 'JavaScript', extension: 'js' },
    write: (value, key, chance) =>
      `import { connect } from './client.js'\n\n${chance.of([
        `const ${camel(key)} = '${value}'`,
        `export default { host: '${host(chance)}', ${camel(key)}: '${value}' }`,
        `process.env.${upper(key)} = "${value}"`,
        `await connect({ ${camel(key)}: "${value}", retries: ${chance.number(1, 9)} })`,
      ])}\n`,
  },
]

/** Where a token stands without a name that says so. */
export const BARE_PLACES: readonly Place[] = [
  {
    ...{ name: 'bearer', extension: 'sh' },
    write: (value, _key, chance) =>
      chance.of([
        `curl -sS -H "Authorization: Bearer ${value}" https://${host(chance)}/v1/me\n`,
        `GET /v1/items HTTP/1.1\r\nHost: ${host(chance)}\r\nAuthorization: Bearer ${value}\r\nAccept: */*\r\n\r\n`,
        `${time(chance)} DEBUG headers={"Authorization":"Bearer ${value}","Accept":"*/*"}\n`,
      ]),
  },
  {
    ...{ name: 'prose in a log', extension: 'log' },
    write: (value, _key, chance) =>
      `${time(chance)} WARN  ${chance.of(['could not use', 'got', 'retrying with', 'rejected:'])} ${value} ${chance.of(['(401)', 'for ci', 'after 3 tries'])}\n`,
  },
  {
    ...{ name: 'argument', extension: 'sh' },
    write: (value, _key, chance) =>
      `./sync ${value} --from ${host(chance)} --jobs ${chance.number(1, 8)}\n`,
  },
  {
    ...{ name: 'list', extension: 'json' },
    write: (value, _key, chance) =>
      `{"args":["--listen","0.0.0.0:80","${value}"],"id":"${chance.text(12, ALNUM)}"}\n`,
  },
]
