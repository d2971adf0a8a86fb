import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findKube } from '../../support/find-kubernetes.ts'
import {
  comparable,
  MAPS,
  NAMESPACE_PATH,
  type RealApiPair,
  type Sent,
  startRealApiPair,
  WEBSOCKET,
} from '../../support/real-api-pair.ts'

/*
 * Targets of docs/requests.md and more, each sent to a real kube-apiserver by itself and through a
 * sidecar in front of it: the answers are the same, or differ as the table MEANT says.
 */

const kube = findKube()

const JSON_TYPE = 'Content-Type: application/json'
const CONFIG_MAP = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"e-"}}'
const DRY = `${MAPS}?dryRun=All`

const PATHS: readonly (readonly [string, Sent])[] = [
  ['plain', {}],
  ['a slash after a list', { target: `${MAPS}/` }],
  ['slashes after a list', { target: `${MAPS}//` }],
  ['a slash after an object', { target: `${MAPS}/one/` }],
  ['a slash after a namespace', { target: `${NAMESPACE_PATH}/` }],
  ['a slash after a subresource', { target: `${NAMESPACE_PATH}/pods/web/status/` }],
  ['a slash after discovery', { target: '/apis/apps/v1/' }],
  ['a slash after /api', { target: '/api/' }],
  ['a slash after /version', { target: '/version/' }],
  ['a slash after /readyz', { target: '/readyz/' }],
  ['a slash after a group', { target: '/apis/apps/' }],
  ['a slash after a cluster list', { target: '/api/v1/nodes/' }],
  ['one check of readyz', { target: '/readyz/ping' }],
  ['watch prefix, ended', { target: `/api/v1/watch/namespaces/team/configmaps?timeoutSeconds=1` }],
  [
    'watch prefix on an object',
    { target: `/api/v1/watch/namespaces/team/configmaps/one?timeoutSeconds=1` },
  ],
  ['proxy prefix', { target: '/api/v1/proxy/namespaces/team/pods/web' }],
  ['path goes on', { target: `${NAMESPACE_PATH}/pods/web/log/more` }],
  ['no such resource', { target: `${NAMESPACE_PATH}/nothings` }],
  ['no such group', { target: '/apis/nothing.example/v1/namespaces/team/things' }],
  ['no such version', { target: '/api/v9/namespaces/team/pods' }],
  ['no such object', { target: `${MAPS}/absent` }],
  ['no such path', { target: '/nothing' }],
  ['the root', { target: '/' }],
  ['metrics', { target: '/metrics' }],
  ['openapi v2', { target: '/openapi/v2' }],
  ['openapi v3', { target: '/openapi/v3' }],
  ['openapi v3 by an old hash', { target: '/openapi/v3/apis/apps/v1?hash=OLD' }],
  [
    'a colon, escaped',
    { target: '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin' },
  ],
  [
    'a colon, escaped in lower case',
    { target: '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3abasic-user' },
  ],
  [
    'a colon, plain',
    { target: '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user' },
  ],
  ['letters that are escaped', { target: '/%61pi/v1/namespaces/team/configmaps' }],
  ['an escaped dash', { target: `${MAPS}/kube%2Dx` }],
  ['an escaped dot', { target: `${MAPS}/a%2Eb` }],
  ['an escaped tilde and underscore', { target: `${MAPS}/a%7E%5f` }],
  ['an escaped letter of a name', { target: `${MAPS}/%6fne` }],
  ['a name of 253', { target: `${MAPS}/${'a'.repeat(253)}` }],
  ['a name of 300', { target: `${MAPS}/${'a'.repeat(300)}` }],
  ['a name that is not ASCII', { target: `${MAPS}/%C3%A9` }],
  ['a name in upper case', { target: `${MAPS}/ONE` }],
  ['a name with a space', { target: `${MAPS}/a%20b` }],
  ['a name with a plus', { target: `${MAPS}/a+b` }],
  ['a name with a comma and semicolon', { target: `${MAPS}/a,b;c` }],
  ['an absolute target', { target: `https://kubernetes.default.svc${MAPS}` }],
  ['an absolute target of http', { target: `http://elsewhere${MAPS}?limit=1` }],
]

const QUERIES: readonly (readonly [string, Sent])[] = [
  'watch=&timeoutSeconds=1',
  'watch=0',
  'watch=false',
  'watch=FALSE',
  'watch=1&timeoutSeconds=1',
  'watch=TRUE&timeoutSeconds=1',
  'watch&timeoutSeconds=1',
  'watch=true&watch=false&timeoutSeconds=1',
  'watch=false&watch=true',
  'watch=yes&timeoutSeconds=1',
  'watch=t%72ue&timeoutSeconds=1',
  'w%61tch=true&timeoutSeconds=1',
  'Watch=true',
  'timeout=5s',
  'timeout=5',
  'timeout=x',
  'timeoutSeconds=x',
  'limit=x',
  'limit=',
  'limit=-1',
  'limit=%2B1',
  'limit=+1',
  'limit=1.5',
  'limit=99999999999999999999',
  'limit=1&limit=x',
  'limit=5&limit=5',
  'limit=500&continue=nonsense',
  'resourceVersion=0',
  'resourceVersion=x',
  'resourceVersion=0&resourceVersionMatch=NotOlderThan',
  'resourceVersion=0&resourceVersionMatch=Wrong',
  'sendInitialEvents=true',
  'labelSelector=app%3Dagent&labelSelector=app%3Dother',
  'labelSelector=app=agent',
  'labelSelector=app in (a,b)'.replaceAll(' ', '+'),
  'labelSelector=app%20in%20(a,b)',
  'labelSelector=%3D%3D%3D',
  'labelSelector=a+b',
  'labelSelector=!app',
  'labelSelector=',
  'fieldSelector=metadata.name%3Done',
  'fieldSelector=metadata.name=one&fieldSelector=metadata.name=two',
  'fieldSelector=metadata.name!=one',
  'fieldSelector=metadata.name=one,metadata.namespace=team',
  'fieldSelector=metadata.name=one&limit=x',
  'fieldSelector=metadata.name=one&labelSelector=a%20b%20c',
  'fieldSelector=metadata.name=a/b',
  'fieldSelector=status.phase=Running',
  'fieldSelector=nonsense',
  'fieldSelector=',
  '_=1700000000',
  '_preload_content=false',
  '1=2',
  '=x',
  '=',
  '&&',
  '',
  '?',
  'pretty',
  'pretty=true',
  'pretty=1&pretty=0',
  'a[]=1&a[]=2',
  'limit=1&&_=2&',
  'limit=1?x=2',
  'x=a=b',
  'x=%C3%A9',
  'x=%c3%a9',
  'x=a+b%2Bc%26d',
  'x=\'"<>`{}|^',
  `x=${'y'.repeat(3_000)}`,
  'allowWatchBookmarks=true',
  'dryRun=All&dryRun=All',
  'fieldValidation=Strict',
].map((query) => [`?${query.slice(0, 60)}`, { target: `${MAPS}?${query}` }])

const OTHER_QUERIES: readonly (readonly [string, Sent])[] = [
  ['exclude twice', { target: '/readyz?exclude=ping&exclude=log&verbose' }],
  ['version, pretty', { target: '/version?pretty=false&timeout=32s' }],
  [
    'log of no pod',
    { target: `${NAMESPACE_PATH}/pods/absent/log?tailLines=5&tailLines=6&follow=false` },
  ],
  ['log, container', { target: `${NAMESPACE_PATH}/pods/absent/log?container=a&container=b` }],
  ['log, wrong number', { target: `${NAMESPACE_PATH}/pods/absent/log?tailLines=x` }],
  [
    'an exec of no pod',
    { method: 'POST', target: `${NAMESPACE_PATH}/pods/absent/exec?command=a&command=b`, body: '' },
  ],
  [
    'a command of 128 KiB',
    {
      method: 'POST',
      target: `${NAMESPACE_PATH}/pods/absent/exec?command=${'a'.repeat(128 * 1024)}`,
      body: '',
    },
  ],
  [
    'a command of 128 KiB by GET',
    {
      target: `${NAMESPACE_PATH}/pods/absent/exec?command=${'a'.repeat(128 * 1024)}`,
      headers: WEBSOCKET,
    },
  ],
  [
    'delete options in the query',
    {
      method: 'DELETE',
      target: `${MAPS}/absent?gracePeriodSeconds=0&propagationPolicy=Background`,
    },
  ],
  ['a wrong policy', { method: 'DELETE', target: `${MAPS}/absent?propagationPolicy=x` }],
  [
    'dry runs',
    { method: 'POST', target: `${DRY}&dryRun=All`, headers: [JSON_TYPE], body: CONFIG_MAP },
  ],
  [
    'a wrong dry run',
    { method: 'POST', target: `${MAPS}?dryRun=x`, headers: [JSON_TYPE], body: CONFIG_MAP },
  ],
  ['a proxy of no pod', { target: `${NAMESPACE_PATH}/pods/absent/proxy/a//b;c/%2F?x=;&y` }],
  ['a proxy without a slash', { target: `${NAMESPACE_PATH}/pods/web/proxy` }],
  ['OPTIONS of a proxy', { method: 'OPTIONS', target: `${NAMESPACE_PATH}/pods/absent/proxy/a` }],
]

/** What no API has or what two readers could take for two things: what each of them answers. */
const MEANT: readonly (readonly [string, number, number, Sent])[] = [
  ['a resource in upper case', 404, 400, { target: `${NAMESPACE_PATH}/ConfigMaps` }],
  ['a namespace in upper case', 200, 400, { target: '/api/v1/namespaces/Team/configmaps' }],
  ['a namespace with an underscore', 200, 400, { target: '/api/v1/namespaces/te_am/configmaps' }],
  ['a version in upper case', 404, 400, { target: '/api/V1/namespaces/team/configmaps' }],
  ['slashes at the front', 404, 400, { target: `/${MAPS}` }],
  ['slashes inside', 404, 400, { target: '/api//v1/namespaces/team/configmaps' }],
  ['a parent segment', 404, 400, { target: `${MAPS}/../configmaps` }],
  ['an encoded parent segment', 404, 400, { target: `${MAPS}/%2e%2E/configmaps` }],
  ['an encoded slash', 200, 400, { target: `${NAMESPACE_PATH}%2Fconfigmaps` }],
  ['a semicolon in a query', 200, 400, { target: `${MAPS}?limit=1;x=1` }],
  ['a broken escape in a query', 200, 400, { target: `${MAPS}?x=%zz` }],
  ['a query that is not UTF-8', 200, 400, { target: `${MAPS}?x=%ff` }],
  ['a path of more than 2,048 bytes', 404, 400, { target: `${MAPS}/${'a'.repeat(2_048)}` }],
]

describe.skipIf(kube === undefined)('a sidecar before a real kube-apiserver', () => {
  let pair: RealApiPair

  beforeAll(async () => {
    pair = await startRealApiPair(kube ?? '')
  }, 120_000)

  afterAll(() => pair?.close())

  test.each([...PATHS, ...QUERIES, ...OTHER_QUERIES])(
    'answers the same: %s',
    async (_title, sent) => {
      const { theirs, ours } = await pair.ask(sent)
      expect(comparable(ours), ours.body.slice(0, 400)).toEqual(comparable(theirs))
    },
  )

  test.each(MEANT)('differs on purpose: %s', async (_title, theirStatus, ourStatus, sent) => {
    const { theirs, ours } = await pair.ask(sent)
    expect([theirs.httpStatus, ours.httpStatus]).toEqual([theirStatus, ourStatus])
  })
})
