import { CHAIN_RESETS, type ChainResetTarget } from '../../core/chain-reset.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { WorkloadName } from '../arguments/workload-name.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'

interface ResetTarget {
  readonly metadata: { readonly uid: string; readonly generation?: number }
}

interface ChainReset {
  readonly metadata: { readonly name: string }
  readonly status?: { readonly by?: string }
}

export interface ResetOptions {
  /** What the user has looked at; by default what is there now. */
  readonly generation?: number
  readonly reason?: string
}

const API_VERSION = `${LANYARD_GROUP}/v1alpha1`
const NAME_MAX = 200

/**
 * `reset KIND/NAME`: whoever runs it answers, alone, for what the object makes from then on. Throws
 * `binding_conflict` for code that is not the one that was looked at, and `not_found` where Lanyard does
 * not watch.
 */
export async function runReset(
  context: CommandContext,
  workload: WorkloadName,
  options: ResetOptions,
): Promise<number> {
  const { client, terminal, output } = context
  const target = await readTarget(context, workload, options.generation)
  const spec = options.reason === undefined ? { target } : { target, reason: options.reason }
  const kind = 'ChainReset'
  const generateName = `${workload.name.slice(0, NAME_MAX)}-`
  const made = await client.post<ChainReset>(
    `/apis/${API_VERSION}/namespaces/${encodeURIComponent(client.namespace)}/${CHAIN_RESETS}`,
    { apiVersion: API_VERSION, kind, metadata: { generateName }, spec },
  )
  const by = made.status?.by
  const { name } = made.metadata
  if (by === undefined) {
    throw new Fault(
      'not_found',
      `Nothing was reset: Lanyard does not watch namespace ${client.namespace}. Opt it in, or delete chainreset/${name}`,
    )
  }
  if (output === 'json') terminal.out(toJson(made))
  else if (output === 'yaml') terminal.out(toYaml(made))
  else if (output === 'name') terminal.out(`chainreset.${LANYARD_GROUP}/${name}\n`)
  else terminal.out(said(context, workload, name, by))
  return 0
}

async function readTarget(
  { client }: CommandContext,
  { apiVersion, kind, resource, name }: WorkloadName,
  seen: number | undefined,
): Promise<ChainResetTarget> {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const place = `${root}/namespaces/${encodeURIComponent(client.namespace)}`
  const { metadata } = await client.get<ResetTarget>(
    `${place}/${resource}/${encodeURIComponent(name)}`,
  )
  const { uid, generation = 1 } = metadata
  if (seen !== undefined && seen !== generation) {
    throw new Fault(
      'binding_conflict',
      `${kind}/${name} is at generation ${generation}, and you have looked at ${seen}; look again`,
    )
  }
  return { apiVersion, kind, name, uid, generation }
}

/** Kinds whose pods `kubectl rollout restart` replaces. */
const RESTARTED = ['Deployment', 'StatefulSet', 'DaemonSet']

function said(
  { client }: CommandContext,
  { kind, name }: WorkloadName,
  reset: string,
  by: string,
): string {
  const object = `${kind}/${name}`
  const head = `chainreset/${reset} created: ${escapeText(by)} answers, alone, for what ${object} of namespace ${client.namespace} makes from now on.\nPods that run keep their chain.`
  const restart = `kubectl -n ${client.namespace} rollout restart ${kind.toLowerCase()}/${name}`
  return RESTARTED.includes(kind) ? `${head} To make them again:\n  ${restart}\n` : `${head}\n`
}
