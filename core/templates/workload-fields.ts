import { chooses, type FieldRules, neutral } from './field-rule.ts'

/*
 * Every field of the specification of each kind that makes pods, as Kubernetes v1.37 has them
 * (staging/src/k8s.io/api/apps/v1/types.go, batch/v1/types.go, core/v1/types.go). Paths and lines are
 * those of pkg/controller.
 */

const TEMPLATE = chooses('the template itself; read field by field')
const SELECTOR = chooses('which pods, and which older templates, it takes over')
const SCALE = neutral('how many')
const PACE = neutral(
  'how fast it is rolled out: only templates that it has, whose authors are on record',
)
const READY = neutral('when a pod counts as available')
const HISTORY = neutral('how many older templates are kept')
const ENDS = neutral('when it ends, or counts as failed')
const WHEN = neutral('when it runs')

const REPLICATED: FieldRules = {
  template: TEMPLATE,
  selector: SELECTOR,
  replicas: SCALE,
  minReadySeconds: READY,
}

/** By group and kind, the core group being ''. A kind that is not here has no field that is known. */
export const SPEC_FIELDS: Readonly<Record<string, FieldRules>> = {
  '/ReplicationController': REPLICATED,
  'apps/ReplicaSet': REPLICATED,
  'apps/Deployment': {
    ...REPLICATED,
    strategy: PACE,
    // deployment/sync.go:69: while it is paused, nothing is rolled back or out, and what runs is scaled.
    paused: PACE,
    progressDeadlineSeconds: ENDS,
    revisionHistoryLimit: HISTORY,
  },
  'apps/DaemonSet': {
    template: TEMPLATE,
    selector: SELECTOR,
    minReadySeconds: READY,
    // daemon/update.go:44: pods are made of the newest template alone.
    updateStrategy: PACE,
    revisionHistoryLimit: HISTORY,
  },
  'apps/StatefulSet': {
    ...REPLICATED,
    // statefulset/stateful_set_utils.go:533: pods below the partition are made of an older template.
    updateStrategy: chooses('which ordinals get which of two templates'),
    ordinals: chooses('which ordinals get which of two templates, and which claims they mount'),
    serviceName: chooses('by which names its pods are found'),
    volumeClaimTemplates: chooses('claims that its pods mount'),
    podManagementPolicy: PACE,
    persistentVolumeClaimRetentionPolicy: neutral('when claims are deleted'),
    revisionHistoryLimit: HISTORY,
  },
  'batch/Job': {
    template: TEMPLATE,
    selector: SELECTOR,
    manualSelector: SELECTOR,
    completionMode: chooses('an environment variable with the index of each pod'),
    managedBy: chooses('which controller makes its pods'),
    scheduling: chooses('with which pods it is scheduled, and devices for them'),
    parallelism: SCALE,
    completions: SCALE,
    suspend: WHEN,
    activeDeadlineSeconds: ENDS,
    backoffLimit: ENDS,
    backoffLimitPerIndex: ENDS,
    maxFailedIndexes: ENDS,
    podFailurePolicy: ENDS,
    podReplacementPolicy: ENDS,
    successPolicy: ENDS,
    ttlSecondsAfterFinished: ENDS,
  },
  'batch/CronJob': {
    jobTemplate: TEMPLATE,
    schedule: WHEN,
    timeZone: WHEN,
    startingDeadlineSeconds: WHEN,
    suspend: WHEN,
    concurrencyPolicy: WHEN,
    successfulJobsHistoryLimit: HISTORY,
    failedJobsHistoryLimit: HISTORY,
  },
  // A template that a StatefulSet or a DaemonSet keeps: all of it.
  'apps/ControllerRevision': {},
}

/**
 * Annotations of the object itself by which its controller chooses among templates. Others of an
 * object's own annotations choose nothing: they are not copied into a template.
 */
export const DECISIVE_ANNOTATIONS: Readonly<Record<string, FieldRules>> = {
  'apps/Deployment': {
    // deployment/rollback.go:127, taken up in deployment/deployment_controller.go.
    'deprecated.deployment.rollback.to': chooses('the revision whose template is copied'),
  },
  'apps/ReplicaSet': {
    // deployment/rollback.go:52 and deployment/util/deployment_util.go:223; kubectl rollout undo too.
    'deployment.kubernetes.io/revision': chooses('the revision as which a rollback finds it'),
    'deployment.kubernetes.io/revision-history': chooses('the revisions that it was before'),
  },
}

/**
 * Kinds that a controller adopts by their labels (controller_ref_manager.go: ClaimObject;
 * history/controller_history.go:204; daemon/update.go:457). Who labels one chooses who takes it over.
 */
export const ADOPTED_BY_LABELS: ReadonlySet<string> = new Set([
  'apps/ReplicaSet',
  'apps/ControllerRevision',
])

/**
 * Kinds whose controller reads its own `status`: which older template is current
 * (statefulset/stateful_set_control.go:315), and what a template of its own is called
 * (deployment/sync.go, daemon/update.go, statefulset/stateful_set_control.go:276: collisionCount).
 */
export const STATUS_DECIDES: ReadonlySet<string> = new Set([
  'apps/DaemonSet',
  'apps/Deployment',
  'apps/ReplicaSet',
  'apps/StatefulSet',
])
