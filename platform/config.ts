// Not `{ z }`: that keeps zod's messages in every language, 11 MB in each sidecar.
import * as z from 'zod'
import { Fault } from '../core/fault.ts'

export interface LoadOptions {
  /** `LANYARD` makes `upstreamUrl` readable from `LANYARD_UPSTREAM_URL`. */
  readonly prefix: string
  /** Command line without the program's own name. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: (path: string) => string
}

/** Accepts 8080 from a file and "8080" from the environment. Not z.coerce: that reads "" as 0. */
export function integer({ min, max }: { readonly min: number; readonly max: number }) {
  const digits = z
    .string()
    .regex(/^\d{1,15}$/, { error: `want a whole number from ${min} to ${max}` })
    .transform(Number)
  return z.union([z.number(), digits]).pipe(z.int().min(min).max(max))
}

/** Accepts true from a file and "true" from the environment; nothing else that looks like it. */
export function boolean() {
  const words = z.enum(['true', 'false']).transform((word) => word === 'true')
  return z.union([z.boolean(), words])
}

/**
 * Merges JSON file (`--config`), environment and flags, later ones winning, and parses once.
 * Throws `config_invalid` that names every problem. Flags and file keys that are not in the schema
 * are refused; unknown environment names are not, since Kubernetes adds its own.
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  options: LoadOptions,
): Readonly<z.infer<Schema>> {
  const keys = Object.keys(schema.shape)
  const flags = parseFlags(keys, options.args)
  const merged: Record<string, unknown> =
    flags['config'] === undefined ? {} : parseJsonObject(options.readFile(flags['config']))
  for (const key of keys) {
    const value = flags[key] ?? options.env[environmentName(options.prefix, key)]
    if (value !== undefined) merged[key] = value
  }
  // Read once: code made for the schema would cost more than it saves.
  const result = schema.safeParse(merged, { jitless: true })
  if (!result.success) {
    throw new Fault('config_invalid', `Cannot start:\n${z.prettifyError(result.error)}`)
  }
  return Object.freeze(result.data)
}

/** `upstreamUrl` → `LANYARD_UPSTREAM_URL`. */
export function environmentName(prefix: string, key: string): string {
  return `${prefix}_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** `upstreamUrl` → `--upstream-url`. */
export function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function parseFlags(keys: readonly string[], args: readonly string[]): Record<string, string> {
  const byFlag = new Map([...keys, 'config'].map((key) => [flagName(key), key]))
  const flags: Record<string, string> = {}
  const rest = [...args]
  while (rest.length > 0) {
    const argument = rest.shift() ?? ''
    const equals = argument.indexOf('=')
    const name = equals < 0 ? argument : argument.slice(0, equals)
    const key = byFlag.get(name)
    if (key === undefined) {
      throw new Fault(
        'config_invalid',
        `Cannot start: unknown flag ${name}; known: ${[...byFlag.keys()].join(' ')}`,
      )
    }
    const value = equals < 0 ? rest.shift() : argument.slice(equals + 1)
    if (value === undefined)
      throw new Fault('config_invalid', `Cannot start: ${name} wants a value`)
    flags[key] = value
  }
  return flags
}

function parseJsonObject(text: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Fault('config_invalid', 'Cannot start: the configuration file is not JSON', {
      cause: error,
    })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Fault('config_invalid', 'Cannot start: the configuration file is not a JSON object')
  }
  return { ...parsed }
}
