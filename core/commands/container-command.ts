/** What one process of a container would run, as an object that makes pods says it. */
export interface ContainerCommand {
  /** Where it stands in the object, such as `spec.template.spec.containers[0].livenessProbe`. */
  readonly at: string
  /** The program first; of `ownProgram`, only its arguments. */
  readonly command: readonly string[]
  /** Indexes of the words that are not known before the container starts. */
  readonly computed: readonly number[]
  /** Whether the image says which program runs. */
  readonly ownProgram: boolean
  /** Whether further words follow that the request does not say. */
  readonly open: boolean
  /** Names of the variables that the container sets. */
  readonly variables: readonly string[]
  readonly stdin: boolean
  /** Why it cannot be told what runs; empty where it can. */
  readonly problem: string
}

/** What the pods of an object would run, as far as a request says it. */
export interface PodTemplateBody {
  readonly commands: readonly ContainerCommand[]
  /** Why the request does not tell it; empty where it does. */
  readonly problem: string
  /** Whether another form of the same body would tell it. */
  readonly wrongMediaType: boolean
}

/** Of a request that makes no pod run anything. */
export const RUNS_NOTHING: PodTemplateBody = { commands: [], problem: '', wrongMediaType: false }

/** Of a request whose body cannot be read. */
export function unreadableBody(problem: string, wrongMediaType = false): PodTemplateBody {
  return { commands: [], problem, wrongMediaType }
}
