import { z } from 'zod'
import { controlPlaneConfig } from '../control-plane/config.ts'
import { injectorConfig } from '../injector/config.ts'
import { environmentName, flagName } from '../platform/config.ts'
import { sidecarConfig } from '../sidecar/config.ts'

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

Made from the schemas by \`docs/generate-configuration.ts\`; \`npm run golden\` writes it again, and
a test fails while it is stale.

Each setting has one name, written three ways: \`logLevel\` is \`--log-level\` on the command line,
\`LANYARD_LOG_LEVEL\` in the environment and \`"logLevel"\` in the JSON file that \`--config\` names.
A flag wins over the environment, the environment over the file, the file over the default. An
unknown flag or file key stops the process; an unknown environment name does not, since Kubernetes
adds one for every Service of the namespace. A process reports all problems of its settings
together and does not start with any of them. Secrets enter only as paths of files.
`

/** docs/configuration.md. Throws when a setting says nowhere what it means. */
export function configurationDocument(): string {
  return [HEAD, ...PROCESSES.map(toSection)].join('\n')
}

function toSection({ title, about, source, schema }: ConfiguredProcess): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })
  const rows = Object.entries(properties).map(([key, property]) =>
    toRow(key, property as JsonSchema),
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

function toRow(key: string, property: JsonSchema): string {
  const meaning = property.description
  if (meaning === undefined) throw new Error(`the setting ${key} has no description`)
  const cells = [
    code(flagName(key)),
    code(environmentName(PREFIX, key)),
    property.default === undefined ? '**required**' : defaultOf(property.default),
    valuesOf(property),
    meaning,
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
