import type { ContainerCommand } from './container-command.ts'
import { mayDecide } from './environment.ts'
import { type ExpandedWord, expandVariables, type VariableLookup } from './expand-variables.ts'

/** Whether an object is whole, or a patch of which the rest stays as it is stored. */
export type BodyForm = 'whole' | 'patch'

const LISTS = ['initContainers', 'containers', 'ephemeralContainers']
/** Deeper than any object that has a pod template: a CronJob has it at five. */
const DEPTH_MAX = 32
/** Processes of all containers of an object, and letters of all their words. */
const COMMANDS_MAX = 256
const LETTERS_MAX = 64 * 1024

type ContainerFields = Readonly<Record<string, unknown>>

/**
 * What the containers run that stand anywhere in an object: commands, probes and hooks. A text says why that
 * cannot be told. `lists` names the lists that count.
 */
export function parseContainers(
  object: unknown,
  form: BodyForm,
  lists: readonly string[] = LISTS,
): readonly ContainerCommand[] | string {
  const reading = new ContainerReading(form, lists)
  reading.visit(object, '', 0)
  return reading.problem ?? reading.commands
}

class ContainerReading {
  readonly commands: ContainerCommand[] = []
  problem: string | undefined
  readonly #form: BodyForm
  readonly #lists: readonly string[]
  #letters = 0

  constructor(form: BodyForm, lists: readonly string[]) {
    this.#form = form
    this.#lists = lists
  }

  visit(value: unknown, at: string, depth: number): void {
    if (this.problem !== undefined || typeof value !== 'object' || value === null) return
    if (depth > DEPTH_MAX) {
      this.problem = 'the object has too many objects in each other'
      return
    }
    for (const [key, below] of Object.entries(value)) {
      const place = Array.isArray(value) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`
      if (LISTS.includes(key) && !Array.isArray(value)) {
        if (this.#lists.includes(key)) this.#list(below, place)
      } else this.visit(below, place, depth + 1)
    }
  }

  #list(list: unknown, at: string): void {
    if (list === null || list === undefined) return
    if (!Array.isArray(list)) {
      this.problem = `${at} is no list`
      return
    }
    for (const [index, container] of list.entries()) this.#container(container, `${at}[${index}]`)
  }

  #container(value: unknown, at: string): void {
    if (!isObject(value)) {
      this.problem = `${at} is no object`
      return
    }
    if (value['$patch'] === 'delete') return
    const partial = Object.keys(value).find((key) => /^\$deleteFromPrimitiveList\//.test(key))
    if (partial !== undefined) {
      this.problem = `${at}.${partial} changes only a part of a list; patch with the whole container`
      return
    }
    const named = typeof value['name'] === 'string' ? `${at} (${value['name']})` : at
    const shared = sharedOf(value)
    if (typeof shared === 'string') {
      this.problem = `${named}: ${shared}`
      return
    }
    this.#own(value, named, shared)
    const processes = processesOf(value)
    for (const { field, command } of processes) {
      const words = command.map((text) => ({ text, exact: true }))
      this.#add(`${named}.${field}`, words, shared)
      // Of probes the kubelet puts variables in, of hooks it does not.
      const expanded = command.map((text) => expandVariables(text, shared.lookUp))
      if (expanded.some(({ text, exact }, index) => !exact || text !== command[index]))
        this.#add(`${named}.${field}`, expanded, shared)
    }
  }

  #own(value: ContainerFields, at: string, shared: Shared): void {
    const [command, args] = [textsOf(value['command']), textsOf(value['args'])]
    if (command === undefined || args === undefined) {
      this.problem = `${at}: command and args must be lists of texts`
      return
    }
    const isPatch = this.#form === 'patch'
    // What a patch does not speak of stays as it is: the object that results is judged when it is admitted.
    const says = ['command', 'args', 'env', 'envFrom', 'volumeMounts'].some((key) => key in value)
    if (isPatch && !says) return
    const words = [...command, ...args].map((text) => expandVariables(text, shared.lookUp))
    const ownProgram = command.length === 0
    const onlyShared = isPatch && ownProgram && args.length === 0 && !('command' in value)
    this.#add(at, words, {
      ...shared,
      ...{ ownProgram: ownProgram && !onlyShared, nothing: onlyShared },
      open: isPatch && !('args' in value) && !ownProgram,
    })
  }

  #add(
    at: string,
    words: readonly ExpandedWord[],
    {
      variables,
      mount,
      ownProgram = false,
      open = false,
      stdin,
      nothing = false,
    }: Shared & { readonly ownProgram?: boolean; open?: boolean; nothing?: boolean },
  ): void {
    this.#letters += words.reduce((sum, { text }) => sum + text.length, 0)
    if (this.commands.length >= COMMANDS_MAX || this.#letters > LETTERS_MAX) {
      this.problem =
        'its containers have too many commands, or too long ones; put long scripts into the image'
      return
    }
    // Variables alone are those of a command that is none.
    const command = nothing ? [] : words.map(({ text }) => text)
    const computed = words.flatMap(({ exact }, index) => (exact ? [] : [index]))
    this.commands.push({
      ...{ at, command, computed, ownProgram, open, variables, stdin, problem: mount },
    })
  }
}

interface Shared {
  readonly variables: readonly string[]
  readonly lookUp: VariableLookup
  /** Why its mounts change what runs; empty where they do not. */
  readonly mount: string
  readonly stdin: boolean
}

/** Folders in which programs, their libraries, or what shells and loaders read, are found. */
const DECIDING_MOUNT =
  /^\/(?:(?:s?bin|lib(?:32|64|x32)?|usr(?:\/local)?(?:\/(?:s?bin|lib(?:32|64|exec|x32)?|games)(?:\/.*)?)?)|(?:s?bin|lib(?:32|64)?)\/.*|etc|etc\/(?:ld\.so.*|profile.*|bash.*|environment|shells|passwd|alternatives.*|inputrc)|)$/

function sharedOf(container: ContainerFields): Shared | string {
  const known = new Map<string, string | undefined>()
  const listed = container['env'] ?? []
  if (!Array.isArray(listed)) return 'env must be a list'
  for (const one of listed as readonly unknown[]) {
    if (!isObject(one) || typeof one['name'] !== 'string')
      return 'each entry of env must have a name'
    if (one['$patch'] === 'delete') continue
    known.set(one['name'], valueOfVariable(one, known))
  }
  const sources = container['envFrom'] ?? []
  if (!Array.isArray(sources)) return 'envFrom must be a list'
  const prefixes = (sources as readonly unknown[]).map((one) =>
    isObject(one) && typeof one['prefix'] === 'string' ? one['prefix'] : '',
  )
  const deciding = prefixes.find(mayDecide)
  const mount = mountOf(container['volumeMounts'])
  const lookUp: VariableLookup = (name) => {
    if (known.has(name)) return { value: known.get(name) }
    const isService = /^[A-Z0-9_]+_(?:SERVICE|PORT)(?:_|$)/.test(name)
    const fromSource = prefixes.some((prefix) => name.startsWith(prefix)) && /^[\w.-]+$/.test(name)
    return isService || fromSource ? { value: undefined } : undefined
  }
  return {
    variables: [...known.keys(), ...prefixes.map((prefix) => `${prefix}…`)],
    ...{ lookUp, stdin: isTrue(container['stdin']) },
    mount:
      deciding === undefined
        ? mount
        : `envFrom${deciding === '' ? '' : ` with the prefix ${deciding}`} may set variables that change what runs; write the variables out in env, or give envFrom a prefix such as APP_`,
  }
}

function valueOfVariable(one: ContainerFields, known: ReadonlyMap<string, string | undefined>) {
  if ('valueFrom' in one && one['valueFrom'] !== null) return undefined
  const value = one['value'] ?? ''
  if (typeof value !== 'string') return undefined
  // The value of a variable may name those that stand before it.
  const expanded = expandVariables(value, (name) => {
    if (known.has(name)) return { value: known.get(name) }
    return /^\w+$/.test(name) ? { value: undefined } : undefined
  })
  return expanded.exact ? expanded.text : undefined
}

function mountOf(mounts: unknown): string {
  if (!Array.isArray(mounts)) return ''
  for (const mount of mounts as readonly unknown[]) {
    const path =
      isObject(mount) && typeof mount['mountPath'] === 'string' ? mount['mountPath'] : '/'
    const plain = `/${path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')}`
    if (path.split('/').includes('..') || DECIDING_MOUNT.test(plain))
      return `the mount at ${path} changes what runs; mount it in a folder of its own`
  }
  return ''
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe']
const HOOKS = ['postStart', 'preStop']

function processesOf(container: ContainerFields) {
  const lifecycle = isObject(container['lifecycle']) ? container['lifecycle'] : {}
  const handlers = [
    ...PROBES.map((field) => ({ field, handler: container[field] })),
    ...HOOKS.map((hook) => ({ field: `lifecycle.${hook}`, handler: lifecycle[hook] })),
  ]
  return handlers.flatMap(({ field, handler }) => {
    const exec = isObject(handler) ? handler['exec'] : undefined
    if (!isObject(exec)) return []
    return [{ field, command: textsOf(exec['command']) ?? [''] }]
  })
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  const isTexts = Array.isArray(value) && value.every((one) => typeof one === 'string')
  return isTexts ? (value as readonly string[]) : undefined
}

/** YAML is read with every scalar as a text. */
function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && /^(?:true|yes|on|y)$/i.test(value))
}

function isObject(value: unknown): value is ContainerFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
