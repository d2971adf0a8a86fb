import { z } from 'zod'
import { parseDuration } from '../core/duration.ts'
import { Fault } from '../core/fault.ts'
import { parseMaskNames } from '../core/masking/mask-rules.ts'
import { boolean, integer } from '../platform/config.ts'

const port = () => integer({ min: 1_024, max: 65_535 })

/** A duration, as text; a default of it reads better than a number of milliseconds. */
function duration() {
  return z.string().superRefine((text, context) => {
    try {
      parseDuration(text)
    } catch (error) {
      // Converted: what is wrong with a setting is told with its name.
      context.addIssue(Fault.from(error).message)
    }
  })
}

/** Settings of the control plane; each is a flag, an environment name with LANYARD_, or a file key. */
export const controlPlaneConfig = z.strictObject({
  databaseFile: z
    .string()
    .min(1)
    .default('/var/lib/lanyard/lanyard.db')
    .describe('SQLite file of chains and decisions'),
  grpcPortNumber: port().default(8_443).describe('Port of the gRPC services, TLS'),
  accessApiPortNumber: port().default(8_444).describe('Port of the aggregated API, TLS'),
  healthPortNumber: port()
    .default(8_080)
    .describe('Port of /livez, /readyz and /metrics, plain HTTP'),
  livenessPortNumber: port()
    .default(8_081)
    .describe('Port of /livez for the kubelet, served apart from all load; plain HTTP'),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('What is logged'),
  defaultDecision: z
    .enum(['SubjectAccessReview', 'Deny'])
    .default('SubjectAccessReview')
    .describe(
      'What decides for a principal that no AccessPolicy names: its RBAC, or always a refusal',
    ),
  chainMaxAge: duration()
    .default('365d')
    .describe(
      'Age at which a chain ends, counted from when its root requester was last seen, such as 90d or 12h; 0 means never',
    ),
  visitorsJoin: boolean()
    .default(false)
    .describe(
      'Whether a person who execs, attaches or forwards a port into a pod is a co-requester of the pod from then on',
    ),
  auditRetentionDays: integer({ min: 0, max: 36_500 })
    .default(365)
    .describe('Days for which decisions are kept; 0 keeps them for ever'),
  auditMebibytesMax: integer({ min: 0, max: 16 * 1_024 * 1_024 })
    .default(0)
    .describe(
      'Size of the database (MiB) beyond which the oldest decisions go, but for those of the last 24 hours; 0 is no limit',
    ),
  auditFreeMebibytesMin: integer({ min: 0, max: 16 * 1_024 * 1_024 })
    .default(0)
    .describe(
      'Room on the volume (MiB) below which the oldest decisions go, but for those of the last 24 hours; 0 removes none for room',
    ),
  recordingDefault: z
    .enum(['none', 'output', 'all'])
    .default('output')
    .describe(
      'What is recorded of every exec, attach and port-forward: nothing, what comes out, or what is typed too; a policy rule can ask for more',
    ),
  recordingMebibytesMax: integer({ min: 0, max: 16 * 1_024 * 1_024 })
    .default(0)
    .describe(
      'Size of all recordings (MiB) from which no further session that has to be recorded begins; 0 is no limit',
    ),
  recordingFreeMebibytesMin: integer({ min: 0, max: 16 * 1_024 * 1_024 })
    .default(512)
    .describe(
      'Room on the volume (MiB) below which no session that has to be recorded begins, so that decisions can still be recorded; below half of it such sessions are ended',
    ),
  maskingDefault: z
    .string()
    .default('')
    .superRefine((text, context) => {
      try {
        parseMaskNames(text)
      } catch (error) {
        // Converted: what is wrong with a setting is told with its name.
        context.addIssue(Fault.from(error).message)
      }
    })
    .describe(
      'Masks for what every chain is shown, comma-separated: secret-values, env-values, config-values, credentials; a policy rule can ask for more',
    ),
  webhooksFolder: z
    .string()
    .default('')
    .describe(
      'Folder of JSON files, one for each webhook that is told of approvals, as a mounted Secret has them; empty tells nobody',
    ),
  clusterName: z
    .string()
    .max(253)
    .default('')
    .describe('Name of this cluster in chains and records; its id is the UID of kube-system'),
  apiAudiences: z
    .string()
    .default('')
    .describe('Audiences of the API server besides those of its own tokens, comma-separated'),
  approvalWaitMax: duration()
    .default('45s')
    .describe(
      'The longest that a call waits for an approval, whatever a policy says; agents give up a call after a minute or two',
    ),
  approvalsPendingPerRoot: integer({ min: 1, max: 10_000 })
    .default(20)
    .describe(
      'Requests of one root requester that wait for an approval at the same time; what is more is refused, so that nobody is flooded',
    ),
  approvalsPendingPerNamespace: integer({ min: 1, max: 10_000 })
    .default(100)
    .describe('Requests of the pods of one namespace that wait for an approval at the same time'),
  accessReviewTtlMs: integer({ min: 0, max: 600_000 })
    .default(10_000)
    .describe(
      'Milliseconds for which an access review is remembered; a change of RBAC ends it immediately',
    ),
})

export type ControlPlaneConfig = Readonly<z.infer<typeof controlPlaneConfig>>
