import { existsSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { controlPlaneConfig } from '../control-plane/config.ts'
import { FAULTS, Fault } from '../core/fault.ts'
import { QUERY_PARAMETERS } from '../core/kubernetes/query-parameters.ts'
import { failureStatus, faultStatus, type Status } from '../core/kubernetes/status.ts'
import { parseMaskProfile } from '../core/masking/parse-mask-profile.ts'
import { GUARDS } from '../core/policy/guard-names.ts'
import { parseAccessPolicy } from '../core/policy/parse-access-policy.ts'
import { PROTECTED_OBJECTS, type ProtectedObjects } from '../core/policy/protected-objects.ts'
import { refusal } from '../core/policy/refusal.ts'
import type { FieldRules } from '../core/templates/field-rule.ts'
import { CONTAINER_FIELDS, POD_FIELDS } from '../core/templates/pod-fields.ts'
import { SPEC_FIELDS } from '../core/templates/workload-fields.ts'
import { configurationDocument } from '../docs/generate-configuration.ts'
import { injectorConfig } from '../injector/config.ts'
import packageJson from '../package.json' with { type: 'json' }
import { environmentName, flagName } from '../platform/config.ts'
import { TAKEN_AWAY } from '../proxy/exchange/response-headers.ts'
import { HEADER_RULES } from '../proxy/judgement/header-rules.ts'
import { sidecarConfig } from '../sidecar/config.ts'
import { aRequest } from './support/policy-builders.ts'
import { ROOT, repositoryFiles } from './support/repository-files.ts'

/* What the documents say, as far as a program can check it. */

interface Block {
  readonly path: string
  readonly language: string
  readonly text: string
}

const tracked = repositoryFiles()
const documents = tracked.filter((path) => path.endsWith('.md'))
const blocks = documents.flatMap(blocksOf)
const manifests = blocks
  .filter(({ language }) => language === 'yaml')
  .flatMap(({ path, text }) =>
    parseAllDocuments(text).map((parsed) => ({ path, object: parsed.toJS() as Manifest })),
  )
/** A field, whether it chooses code, and why. */
const FIELD_ROW = /^\| `([\w.]+)` \| (yes|no) \| (.+) \|$/gm

const policies = manifests.filter(({ object }) => object?.kind === 'AccessPolicy')

const profiles = manifests.filter(({ object }) => object?.kind === 'MaskProfile')

interface Manifest {
  readonly kind?: string
  readonly metadata?: { readonly name?: string }
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function blocksOf(path: string): readonly Block[] {
  const found = read(path).matchAll(/^ *```(\S*)[^\n]*\n([\s\S]*?)^ *```$/gm)
  return [...found].map(([, language = '', text = '']) => ({ path, language, text }))
}

/** Text of a document without its code, in which nothing is a link. */
function proseOf(path: string): string {
  return read(path)
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')
}

/** The anchor that a heading gets where Markdown is shown. */
function anchorsOf(path: string): readonly string[] {
  return [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function leadsSomewhere(path: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? path : join(dirname(path), file)
  return (
    existsSync(join(ROOT, target)) && (anchor === undefined || anchorsOf(target).includes(anchor))
  )
}

/** What stands between a heading and the next of its level. */
function sectionOf(path: string, title: string): string {
  return (
    read(path)
      .split(/^## /m)
      .find((section) => section.startsWith(`${title}\n`)) ?? ''
  )
}

/** First cells, in code, of the rows of all tables of a text. */
function firstCells(text: string): readonly string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell)
}

describe.each(documents)('%s', (path) => {
  const links = [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))

  test('links to what exists', () => {
    expect(links.filter((link) => !leadsSomewhere(path, link))).toEqual([])
  })

  test('names scripts that package.json has', () => {
    const named = [...read(path).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
    expect(named.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([])
  })

  test('names source files that exist', () => {
    const rooms =
      'bench|cli|control-plane|core|deploy|docs|injector|platform|proto|proxy|sidecar|test'
    const pattern = new RegExp(`\`((?:${rooms})/[\\w./-]*\\w)\``, 'g')
    const named = [...read(path).matchAll(pattern)].map(([, name = '']) => name)
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([])
  })
})

test.each(policies)('parseAccessPolicy() takes $object.metadata.name of $path', ({ object }) => {
  expect(parseAccessPolicy(object)).toMatchObject({ ok: true })
})

test.each(profiles)('parseMaskProfile() takes $object.metadata.name of $path', ({ object }) => {
  expect(parseMaskProfile(object)).toMatchObject({ ok: true })
})

test('the documents hold examples of AccessPolicy', () => {
  expect(policies.map(({ path }) => path)).toContain('docs/policy.md')
})

test('PROTECTED_OBJECTS are the rows of their table in docs/policy.md', () => {
  const rows = sectionOf('docs/policy.md', 'What the guards protect')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  expect(rows).toEqual(PROTECTED_OBJECTS.map(protectedRow))
})

function protectedRow(row: ProtectedObjects): string {
  const code = (parts: readonly string[]) => parts.map((part) => `\`${part}\``).join(', ')
  const groups = row.apiGroups.map((group) => (group === '' ? '""' : group))
  const where = [
    ...(row.names === undefined ? [] : [`named ${code(row.names)}`]),
    ...(row.namespaces === undefined ? [] : [`in ${code(row.namespaces)}`]),
    ...(row.onlyOutside === true ? ['where nothing is injected'] : []),
  ].join(', ')
  const cells = [code(groups), code(row.resources), where || 'everywhere', row.uses.join(', ')]
  return `| \`${row.guard}\` | ${cells.join(' | ')} | ${row.why} |`
}

test('GUARDS are the rows of the table in docs/policy.md', () => {
  const rows = [...sectionOf('docs/policy.md', 'Guards').matchAll(/^\| `([a-z-]+)` \| (.+?) \|/gm)]
  expect(Object.fromEntries(rows.map(([, name = '', sentence = '']) => [name, sentence]))).toEqual(
    GUARDS,
  )
})

test('codeOf() reads the fields of the tables in docs/lineage.md', () => {
  const rows = [...sectionOf('docs/lineage.md', 'What chooses code').matchAll(FIELD_ROW)].map(
    ([, name = '', choosesCode = '', reason = '']) => [name, choosesCode === 'yes', reason],
  )
  const rowsOf = (rules: FieldRules, prefix = '') =>
    Object.entries(rules).map(([name, rule]) => [prefix + name, rule.choosesCode, rule.reason])
  const kinds = Object.entries(SPEC_FIELDS).flatMap(([type, rules]) =>
    rowsOf(rules, `${type.split('/')[1]}.`),
  )
  expect(rows).toEqual([...rowsOf(POD_FIELDS), ...rowsOf(CONTAINER_FIELDS), ...kinds])
})

test('FAULTS are the rows of the table in docs/agents.md', () => {
  expect(firstCells(sectionOf('docs/agents.md', 'Faults'))).toEqual(
    Object.keys(FAULTS).filter((code) => code !== 'config_invalid'),
  )
})

test('DenyReason has a row for each reason in docs/agents.md', () => {
  const type = /type DenyReason =([^=]+?)\n\n/.exec(read('core/policy/decision.ts'))?.[1] ?? ''
  const reasons = [...type.matchAll(/'(\w+)'/g)].map(([, reason = '']) => reason)
  expect(firstCells(sectionOf('docs/agents.md', 'Reasons'))).toEqual([
    ...reasons,
    'request_invalid',
    'undecided',
  ])
})

test('refusal() answers as docs/agents.md shows', () => {
  const [shown] = blocks.filter(
    ({ path, language }) => path === 'docs/agents.md' && language === 'json',
  )
  const { message, details } = JSON.parse(shown?.text ?? '{}') as Status
  const alice = { username: 'alice', uid: '', groups: [], extra: {} }
  const pod = { podUid: 'u', namespace: 'team', name: 'worker-1', serviceAccount: 'x', via: [] }
  const request = aRequest({ verb: 'delete', name: 'x' })
  const chain = { rootRequester: alice, coRequesters: [], actors: [pod] }
  const refusedBy = { role: 'root requester', user: alice } as const
  const deny = { effect: 'deny', reason: 'no_rule', rule: '', refusedBy, matches: [] } as const
  expect(refusal(request, chain, deny, details?.causes?.[0]?.message ?? '')).toEqual({
    message,
    causes: details?.causes,
  })
})

test('docs/architecture.md lists the response headers that are taken away', () => {
  const rows = Object.entries(TAKEN_AWAY).map(([name, reason]) => `| \`${name}\` | ${reason} |`)
  expect(read('docs/architecture.md')).toContain(`|---|---|\n${rows.join('\n')}\n`)
})

describe('nextStep() of docs/agents.md', async () => {
  const [snippet] = blocks.filter(({ path, language }) => {
    return path === 'docs/agents.md' && language === 'ts'
  })
  const source = stripTypeScriptTypes(snippet?.text ?? '')
  const module: unknown = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(source)}`
  )
  const { nextStep } = module as { nextStep: (body: string) => { step: string; seconds: number } }
  const denial = failureStatus(403, 'Forbidden', 'no', {
    causes: [{ reason: 'LanyardDecision', field: 'decision', message: 'x' }],
  })

  test.each([
    ['a denial', denial, 'stop', 0],
    ['an ambiguous request', faultStatus(new Fault('request_invalid', 'x')), 'change', 0],
    ['a long body', faultStatus(new Fault('request_too_large', 'x')), 'change', 0],
    ['no decision', faultStatus(new Fault('decision_unavailable', 'x')), 'wait', 2],
    ['no record', faultStatus(new Fault('audit_unavailable', 'x')), 'wait', 2],
    ['too many requests', faultStatus(new Fault('overloaded', 'x')), 'wait', 2],
    ['a broken answer', faultStatus(new Fault('upstream_failed', 'x')), 'look', 0],
    ['a pod without a chain', faultStatus(new Fault('chain_unknown', 'x')), 'stop', 0],
    ['a bug', faultStatus(new Fault('internal', 'x')), 'stop', 0],
    ["kube-apiserver's own no", failureStatus(403, 'Forbidden', 'no'), 'theirs', 0],
  ])('says what to do after %s', (_name, status, step, seconds) => {
    expect(nextStep(JSON.stringify(status))).toMatchObject({ step, seconds })
  })

  test('takes what is no Status for an answer of others', () => {
    expect(nextStep('bad gateway')).toEqual({ step: 'theirs', seconds: 0, say: 'bad gateway' })
  })
})

test('HEADER_RULES are the rows of the table in docs/requests.md', () => {
  const rows = HEADER_RULES.map(({ name, use, why }) => `| \`${name}\` | ${use} | ${why} |`)
  expect(sectionOf('docs/requests.md', 'Headers')).toContain(
    `|---|---|---|\n${rows.join('\n')}\n\n`,
  )
})

test('QUERY_PARAMETERS are the rows of the table in docs/requests.md', () => {
  const rows = QUERY_PARAMETERS.map(
    ({ name, counts, use }) => `| \`${name}\` | ${counts} | ${use} |`,
  )
  expect(sectionOf('docs/requests.md', 'Query parameters')).toContain(
    `|---|---|---|\n${rows.join('\n')}\n`,
  )
})

test('metrics have a row each in docs/operations.md', () => {
  const sources = tracked.filter((path) => /metrics\.ts$/.test(path))
  const names = sources.flatMap((path) =>
    [...read(path).matchAll(/'((?:lanyard|process)_[a-z_]+)'/g)].map(([, name = '']) => name),
  )
  expect([...firstCells(sectionOf('docs/operations.md', 'Metrics'))].sort()).toEqual(names.sort())
})

test('docs/generate-configuration.ts explains the names of a setting that every process takes', () => {
  const head = configurationDocument().split('\n## ')[0] ?? ''
  const [, key = '', flag, environment] =
    /: `(\w+)` is `(--[\w-]+)` on the command line,\n`(\w+)` in the environment/.exec(head) ?? []
  expect([flag, environment]).toEqual([flagName(key), environmentName('LANYARD', key)])
  for (const { shape } of [sidecarConfig, injectorConfig, controlPlaneConfig]) {
    expect(Object.keys(shape)).toContain(key)
  }
})

test('configurationDocument() is docs/configuration.md', async () => {
  await expect(configurationDocument()).toMatchFileSnapshot('../docs/configuration.md')
})

test('docs/dependencies.md has a row for each dependency', () => {
  const { dependencies, devDependencies } = packageJson
  expect([...firstCells(read('docs/dependencies.md'))].sort()).toEqual(
    [...Object.keys(dependencies), ...Object.keys(devDependencies)].sort(),
  )
})

describe('docs/adr', () => {
  const pages = tracked.filter((path) => /^docs\/adr\/\d{4}-/.test(path))
  const headOf = (path: string) =>
    /^# \d{4}: (.+)\n\nDate: (\d{4}-\d{2}-\d{2})\. State: (proposed|accepted|replaced by .+)\.\n/.exec(
      read(path),
    )

  test('has pages', () => {
    expect(pages.length).toBeGreaterThan(0)
  })

  test.each(pages)('%s says its date and its state, as the index does', (path) => {
    const [, title, date, state] = headOf(path) ?? []
    const file = basename(path)
    const row = `| [${file.slice(0, 4)}](${file}) | ${title} | ${date} | ${state} |`
    expect(read('docs/adr/README.md').split('\n')).toContain(row)
  })
})
