import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadShellParsers } from '../../../control-plane/commands/shell-parsers.ts'
import { RUNS_NOTHING } from '../../../core/commands/container-command.ts'
import { parseContainers } from '../../../core/commands/parse-containers.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { parseAccessPolicy } from '../../../core/policy/parse-access-policy.ts'
import { AdmissionService, WorkloadChange } from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import { templateToMessage } from '../../../proto/template-message.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'

/* The injector tells which objects a pod writes; the command rules of the pod's chain judge these objects. */

const INJECTOR_TOKEN = 'token-of-the-injector'
let fixture: ControlPlaneFixture
let admission: GrpcClient<typeof AdmissionService>

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  fixture.tokens.set(INJECTOR_TOKEN, serviceAccountUser('lanyard-system', 'lanyard-injector'))
  admission = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
  const run = {
    ...{ name: 'run', effect: 'Allow', apiGroups: [''], resources: ['pods/exec'] },
    ...{ verbs: ['get', 'create'], namespaces: ['team'], commands: { deny: [['rm', '**']] } },
  }
  const spec = { subjects: [{ kind: 'User', name: 'alice' }], rules: [run] }
  const parsed = parseAccessPolicy({ metadata: { name: 'p' }, spec }, await loadShellParsers())
  expect(parsed.ok).toBe(true)
  fixture.policies.set('alice', 'policy' in parsed ? [parsed.policy] : [])
})

afterEach(async () => {
  admission.close()
  await fixture.close()
})

const ACCOUNT = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
const POD = {
  username: ACCOUNT.username,
  groups: [],
  extra: { [POD_UID_EXTRA]: { values: [AGENT.podUid] } },
}
const PERSON = { username: 'alice', groups: [], extra: {} }

function record(
  script: string,
  user: typeof POD | typeof PERSON,
  change: WorkloadChange,
): Promise<ServiceError | null> {
  const container = { name: 'a', command: ['sh', '-c', script] }
  const commands = parseContainers({ spec: { containers: [container] } }, 'whole')
  const template = { ...RUNS_NOTHING, commands: Array.isArray(commands) ? commands : [] }
  const request = {
    ...{ context: { user, namespace: 'team' }, apiVersion: 'apps/v1', kind: 'Deployment' },
    ...{ name: 'web', uid: 'web-uid', change, template: templateToMessage(template) },
  }
  return new Promise((resolve) => {
    admission.recordWorkload(request, bearer(INJECTOR_TOKEN), {}, (error) => resolve(error))
  })
}

describe('recordWorkload() of what a pod writes', () => {
  test.each([
    ['creates', WorkloadChange.CREATED],
    ['changes', WorkloadChange.TEMPLATE_CHANGED],
  ])('refuses what the pod %s against the rules of its chain', async (_name, change) => {
    const error = await record('ls; rm -rf /x', POD, change)
    expect(error).toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('the command rm -rf /x is denied by the pattern'),
    })
    expect(await fixture.store.workloads.find('web-uid')).toBeUndefined()
  })

  test.each([
    ['what the rules let run', 'ls', POD],
    ['what a person writes', 'rm -rf /x', PERSON],
  ])('records %s', async (_name, script, user) => {
    expect(await record(script, user, WorkloadChange.CREATED)).toBeNull()
    expect(await fixture.store.workloads.find('web-uid')).toMatchObject({ name: 'web' })
  })
})

test('a call without the injector’s token is refused before anything is judged', async () => {
  const error = await new Promise((resolve) => {
    admission.recordWorkload({}, new Metadata(), {}, (fault) => resolve(fault))
  })
  expect(error).toMatchObject({ code: status.UNAUTHENTICATED })
})
