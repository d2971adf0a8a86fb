import { choosesCode, type FieldRules } from './field-rule.ts'
import type { NeutralKeyCheck } from './neutral-keys.ts'
import { CONTAINER_FIELDS, POD_FIELDS, RESOURCE_NAMES } from './pod-fields.ts'
import { ADOPTED_BY_LABELS, DECISIVE_ANNOTATIONS, SPEC_FIELDS } from './workload-fields.ts'

type Json = Readonly<Record<string, unknown>>

/** An object that makes pods, as JSON. */
export type AnyWorkload = Json

/**
 * What of an object chooses the code that its pods run: the object without the fields that choose
 * none. Two that are deeply equal run the same code, for the same account, with the same names. `type`
 * is group and kind, such as `apps/Deployment`, the core group being ''.
 */
export function codeOf(type: string, object: AnyWorkload, isNeutral: NeutralKeyCheck): unknown {
  const { metadata, spec, status: _status, apiVersion: _version, kind: _kind, ...rest } = object
  const rules = SPEC_FIELDS[type] ?? {}
  const read = (name: string, value: unknown): unknown => {
    if (name === 'template') return templateOf(value, isNeutral)
    if (name === 'jobTemplate') return jobTemplateOf(value, isNeutral)
    return value
  }
  return {
    ...rest,
    spec: withoutNeutral(spec, rules, read),
    controllers: controllersOf(metadata),
    labels: ADOPTED_BY_LABELS.has(type) ? withoutKeys(asMap(metadata)['labels'], isNeutral) : {},
    annotations: decisiveAnnotations(type, metadata),
  }
}

/** What of a pod template chooses code. */
function templateOf(template: unknown, isNeutral: NeutralKeyCheck): unknown {
  if (!isMap(template)) return template
  const { metadata, spec, ...rest } = template
  return { ...rest, metadata: templateMetadata(metadata, isNeutral), spec: podSpecOf(spec) }
}

/** A Job's template in a CronJob: its metadata is copied to each Job, and its fields are a Job's. */
function jobTemplateOf(jobTemplate: unknown, isNeutral: NeutralKeyCheck): unknown {
  if (!isMap(jobTemplate)) return jobTemplate
  const { metadata, spec, ...rest } = jobTemplate
  const rules = SPEC_FIELDS['batch/Job'] ?? {}
  const read = (name: string, value: unknown) =>
    name === 'template' ? templateOf(value, isNeutral) : value
  // cronjob/utils.go (getJobFromTemplate2) copies labels and annotations, of which Jobs read none.
  const { labels: _labels, annotations: _annotations, ...others } = asMap(metadata)
  return { ...rest, metadata: others, spec: withoutNeutral(spec, rules, read) }
}

function templateMetadata(metadata: unknown, isNeutral: NeutralKeyCheck): unknown {
  const { annotations, labels, ...others } = asMap(metadata)
  return {
    ...others,
    annotations: withoutKeys(annotations, isNeutral),
    labels: withoutKeys(labels, isNeutral),
  }
}

function podSpecOf(spec: unknown): unknown {
  return withoutNeutral(withDevices(spec), POD_FIELDS, (name, value) =>
    name === 'containers' || name === 'initContainers' ? containersOf(value) : value,
  )
}

function containersOf(containers: unknown): unknown {
  if (!Array.isArray(containers)) return containers
  return containers.map((container: unknown) =>
    withoutNeutral(withDevices(container), CONTAINER_FIELDS),
  )
}

/** No field of Kubernetes has a dot in its name. */
const DEVICES = 'resources.devices'

/** Of what may be used, only amounts of processor and memory choose nothing; the rest stays to be read. */
function withDevices(holder: unknown): unknown {
  if (!isMap(holder) || holder['resources'] === undefined) return holder
  const { resources, ...rest } = holder
  if (!isMap(resources)) return { ...rest, [DEVICES]: resources }
  const { requests, limits, ...others } = resources
  const devices = {
    ...others,
    ...named('requests', amountsOf(requests)),
    ...named('limits', amountsOf(limits)),
  }
  return { ...rest, ...named(DEVICES, devices) }
}

function amountsOf(amounts: unknown): unknown {
  if (!isMap(amounts)) return amounts
  return withoutNeutral(amounts, RESOURCE_NAMES)
}

/** Nothing for what is empty, so that an amount that comes or goes leaves no trace. */
function named(name: string, value: unknown): Json {
  const empty = value === undefined || (isMap(value) && Object.keys(value).length === 0)
  return empty ? {} : { [name]: value }
}

/** Whoever says what controls an object chooses who reads it; owners that do not control are not read. */
function controllersOf(metadata: unknown): unknown {
  const { ownerReferences } = asMap(metadata)
  if (!Array.isArray(ownerReferences)) return ownerReferences ?? []
  return ownerReferences.filter((owner: unknown) => !isMap(owner) || owner['controller'] === true)
}

function decisiveAnnotations(type: string, metadata: unknown): unknown {
  const rules = DECISIVE_ANNOTATIONS[type] ?? {}
  const annotations = Object.entries(asMap(asMap(metadata)['annotations']))
  return Object.fromEntries(annotations.filter(([key]) => Object.hasOwn(rules, key)))
}

function withoutNeutral(
  holder: unknown,
  rules: FieldRules,
  read: (name: string, value: unknown) => unknown = (_name, value) => value,
): unknown {
  if (!isMap(holder)) return holder
  const kept = Object.entries(holder).filter(([name]) => choosesCode(rules, name))
  return Object.fromEntries(kept.map(([name, value]) => [name, read(name, value)]))
}

function withoutKeys(map: unknown, isNeutral: NeutralKeyCheck): unknown {
  if (map !== undefined && map !== null && !isMap(map)) return map
  return Object.fromEntries(Object.entries(asMap(map)).filter(([key]) => !isNeutral(key)))
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asMap(value: unknown): Json {
  return isMap(value) ? value : {}
}
