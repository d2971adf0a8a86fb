import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { isGuardName } from './guard-names.ts'
import { guardsHit } from './guards.ts'
import { useOf } from './match-protected-objects.ts'
import { PROTECTED_OBJECTS, type ProtectedObjects, type Use } from './protected-objects.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const INSIDE = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const
const OUTSIDE = { ...INSIDE, namespaceInjected: false }

const VERBS: Readonly<Record<Use, readonly string[]>> = {
  read: ['get', 'list', 'watch'],
  create: ['create'],
  change: ['update', 'patch', 'some-verb'],
  delete: ['delete', 'deletecollection'],
}
const USES = Object.keys(VERBS) as Use[]

/** Requests that reach each object of a row, in each way. */
function requestsFor(row: ProtectedObjects, verbs: readonly string[]): RequestAttributes[] {
  return row.apiGroups.flatMap((group) =>
    row.resources.flatMap((resource) =>
      (row.names ?? ['some']).flatMap((name) =>
        (row.namespaces ?? ['some-namespace']).flatMap((namespace) =>
          verbs.map((verb) => {
            const [main = '', subresource = ''] = resource.split('/')
            return aRequest({
              apiGroup: group === '*' ? 'some.group' : group,
              resource: main === '*' ? 'somethings' : main,
              subresource: subresource === '*' ? 'status' : subresource,
              name: verb === 'deletecollection' || verb === 'create' ? '' : name,
              namespace,
              verb,
            })
          }),
        ),
      ),
    ),
  )
}

const rows = PROTECTED_OBJECTS.map((row) => {
  const where = [row.names, row.namespaces].filter((part) => part !== undefined).flat()
  const title = `${row.guard}: ${row.apiGroups} ${row.resources} ${where}`
  return [title, row] as const
})

describe('PROTECTED_OBJECTS', () => {
  test.each(rows)('%s is refused in each way that it says', (_title, row) => {
    const verbs = row.uses.flatMap((use) => VERBS[use])
    // A create names its object in the body only, so a row of names never speaks of it.
    expect(row.names === undefined || !row.uses.includes('create')).toBe(true)
    const requests = requestsFor(row, verbs)
    expect(requests.length).toBeGreaterThan(0)
    for (const request of requests) expect(guardsHit(request, OUTSIDE)).toContain(row.guard)
  })

  test.each(rows)('%s lets every other way pass', (_title, row) => {
    const verbs = USES.filter((use) => !row.uses.includes(use)).flatMap((use) => VERBS[use])
    const alone = PROTECTED_OBJECTS.filter(({ guard }) => guard === row.guard).length === 1
    const hit = requestsFor(row, verbs).filter((request) =>
      guardsHit(request, OUTSIDE).includes(row.guard),
    )
    // Another row of the guard may speak of the same objects.
    const byAnother = hit.filter((request) => row.uses.includes(useOf(request.verb)))
    expect(alone ? hit : byAnother).toEqual([])
  })

  test.each(rows.filter(([, { names }]) => names !== undefined))(
    '%s does not mean others of the kind',
    (_title, row) => {
      const verbs = row.uses.flatMap((use) => VERBS[use]).filter((verb) => !verb.endsWith('tion'))
      const others = requestsFor({ ...row, names: ['another'] }, verbs)
      for (const request of others) {
        expect(guardsHit({ ...request, namespace: 'team' }, OUTSIDE)).not.toContain(row.guard)
      }
    },
  )

  test.each(rows.filter(([, { onlyOutside }]) => onlyOutside === true))(
    '%s is refused only where nothing is injected',
    (_title, row) => {
      for (const request of requestsFor(row, ['create', 'patch'])) {
        expect(guardsHit(request, INSIDE)).not.toContain(row.guard)
      }
    },
  )

  test.each(rows)('%s has a guard that can be lifted, and a reason', (_title, { guard, why }) => {
    expect(isGuardName(guard)).toBe(true)
    expect(why).toMatch(/^\S.{15,}[^.]$/)
  })
})

/* What the chart installs, as its golden files have it, and the definitions beside it. */

const files = ['test/golden/chart', 'deploy/chart/crds'].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).map((name) => join(folder, name)),
)

interface Installed {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

const installed = new Map(
  files
    .flatMap((file) => parseAllDocuments(readFileSync(join(ROOT, file), 'utf8')))
    .map((document) => document.toJS() as Installed | null)
    .filter((object) => object !== null)
    .map((object) => {
      const { name, namespace = '' } = object.metadata
      return [`${object.kind} ${namespace}/${name}`, object] as const
    }),
)

/** As kube-apiserver names the resource of a kind that the chart has. */
function resourceOf(kind: string): string {
  const lower = kind.toLowerCase()
  if (/(?:s|x|ch)$/.test(lower)) return `${lower}es`
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`
}

function requestOn({ apiVersion, kind, metadata }: Installed, verb: string): RequestAttributes {
  const { name, namespace = '' } = metadata
  const [apiGroup = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['']
  const resource = resourceOf(kind)
  return aRequest({ apiGroup, resource, name, namespace, verb })
}

describe('what the chart installs', () => {
  test('is found', () => {
    expect(installed.size).toBeGreaterThan(30)
    expect([...installed.keys()]).toContain('CustomResourceDefinition /accesspolicies.lanyard.dev')
    expect([...installed.keys()]).toContain('RoleBinding kube-system/lanyard-injector-front-proxy')
  })

  test.each([...installed])(
    '%s can be neither changed nor deleted by a chain; add it to PROTECTED_OBJECTS',
    (_title, object) => {
      for (const verb of ['update', 'patch', 'delete']) {
        expect(guardsHit(requestOn(object, verb), INSIDE), verb).not.toEqual([])
      }
    },
  )

  test.each([...installed])('%s can not be deleted among all of its kind', (_title, object) => {
    const request = { ...requestOn(object, 'deletecollection'), name: '' }
    expect(guardsHit(request, INSIDE)).not.toEqual([])
  })
})
