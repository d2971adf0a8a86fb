import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { controlPlaneConfig } from '../control-plane/config.ts'
import { injectorConfig } from '../injector/config.ts'
import { environmentName, flagName } from '../platform/config.ts'
import { sidecarConfig } from '../sidecar/config.ts'

const ROOT = resolve(import.meta.dirname, '..')
const PREFIX = 'LANYARD'

interface ConfiguredProcess {
  readonly title: string
  readonly about: string
  /** Where the schema stands, from the root of the repository. */
  readonly source: string
  readonly schema: z.ZodObject
}

const PROCESSES: readonly ConfiguredProcess[] = [
  {
    title: 'Sidecar',
    about:
      'In a cluster the injector sets the settings without a default, and validating admission refuses a pod whose sidecar has any other environment.',
    source: 'sidecar/config.ts',
    schema: sidecarConfig,
  },
  {
    title: 'Injector',
    about: 'The chart sets what its values say.',
    source: 'injector/config.ts',
    schema: injectorConfig,
  },
  {
    title: 'Control plane',
    about: 'The chart sets what its values say.',
    source: 'control-plane/config.ts',
    schema: controlPlaneConfig,
  },
]

const HEAD = `# Configuration

Made from the schemas by \`docs/generate-configuration.ts\`; \`npm run golden\` writes it anew, and a
test fails while it is stale.

Each setting has one name, written three ways: \`listenPort\` is \`--listen-port\` on the command line,
\`LANYARD_LISTEN_PORT\` in the environment and \`"listenPort"\` in the JSON file that \`--config\` names.
A flag wins over the environment, the environment over the file, the file over the default. An
unknown flag or file key stops the process; an unknown environment name does not, since Kubernetes
adds one for every Service of the namespace. All problems are reported at once, and a process with
one does not start. Secrets enter only as paths of files.
`

/** docs/configuration.md. Throws when a setting says nowhere what it means. */
export function configurationDocument(): string {
  return [HEAD, ...PROCESSES.map(toSection)].join('\n')
}

function toSection({ title, about, source, schema }: ConfiguredProcess): string {
  const text = readFileSync(join(ROOT, source), 'utf8')
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })
  const rows = Object.entries(properties).map(([key, property]) =>
    toRow(key, property as JsonSchema, commentOf(text, key)),
  )
  const head = ['| Flag | Environment | Default | Values | Meaning |', '|---|---|---|---|---|']
  return [`## ${title}`, '', `${about} Schema: \`${source}\`.`, '', ...head, ...rows, ''].join('\n')
}

interface JsonSchema {
  readonly type?: string
  readonly format?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
  readonly anyOf?: readonly JsonSchema[]
}

function toRow(key: string, property: JsonSchema, comment: string | undefined): string {
  const meaning = property.description ?? comment
  if (meaning === undefined)
    throw new Error(`the setting ${key} has neither description nor comment`)
  const cells = [
    code(flagName(key)),
    code(environmentName(PREFIX, key)),
    property.default === undefined ? '**required**' : defaultOf(property.default),
    valuesOf(property),
    meaning.replace(/\.$/, ''),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function code(text: string): string {
  return `\`${text}\``
}

function defaultOf(value: unknown): string {
  return value === '' ? 'empty' : code(String(value))
}

function valuesOf(property: JsonSchema): string {
  const { type, minimum, maximum, anyOf = [] } = property
  if (property.enum !== undefined)
    return property.enum.map((value) => code(String(value))).join(' ')
  if (type === 'integer') return `${minimum} to ${maximum}`
  if (anyOf.some((one) => one.type === 'boolean')) return '`true` `false`'
  if ([property, ...anyOf].some((one) => one.format === 'uri')) return 'https URL'
  return 'text'
}

/** The comment right above a key of the schema, on one line. */
function commentOf(source: string, key: string): string | undefined {
  const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s+${key}: `).exec(source)?.[1]
  return comment
    ?.split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
    .join(' ')
    .trim()
}
