import { expect, test } from 'vitest'
import type { Asked } from './ask-chain.ts'
import { narrowRules } from './narrow-rules.ts'

type May = (asked: Asked) => boolean

async function narrow(status: object, may: May, error = '') {
  const asked: Asked[] = []
  const review = { spec: { namespace: 'team' }, status: { incomplete: false, ...status } }
  const narrowed = await narrowRules(review, async (questions) => {
    asked.push(...questions)
    return questions.map((one) => ({ allowed: may(one), reason: '', error }))
  })
  return { status: narrowed['status'], asked }
}

const rule = (verbs: string[], resources: string[], names?: string[]) => ({
  verbs,
  apiGroups: [''],
  resources,
  ...(names === undefined ? {} : { resourceNames: names }),
})

test.each<[string, object[], May, object[], boolean]>([
  ['nothing', [], () => true, [], false],
  ['all', [rule(['get'], ['pods'])], () => true, [rule(['get'], ['pods'])], false],
  ['none', [rule(['get'], ['pods'])], () => false, [], false],
  [
    'some verbs of some resources',
    [rule(['get', 'delete'], ['pods', 'secrets'])],
    ({ verb, resource }) => verb === 'get' && resource === 'pods',
    [rule(['get'], ['pods'])],
    false,
  ],
  [
    'one of two names',
    [rule(['get'], ['secrets'], ['a', 'b'])],
    ({ name }) => name === 'a',
    [rule(['get'], ['secrets'], ['a'])],
    false,
  ],
  ['the wildcard itself', [rule(['*'], ['*'])], () => true, [rule(['*'], ['*'])], false],
  [
    'not the wildcard of verbs',
    [rule(['*'], ['pods'])],
    ({ verb }) => verb === 'get' || verb === 'list',
    [rule(['get', 'list'], ['pods'])],
    true,
  ],
  ['not the wildcard of resources', [rule(['get'], ['*'])], () => false, [], true],
  [
    'a subresource',
    [rule(['create'], ['pods/exec', 'pods'])],
    ({ subresource }) => subresource === 'exec',
    [rule(['create'], ['pods/exec'])],
    false,
  ],
])('narrowRules() leaves %s', async (_name, resourceRules, may, want, incomplete) => {
  const { status } = await narrow({ resourceRules }, may)
  expect(status).toMatchObject({ resourceRules: want, incomplete })
})

test('narrowRules() asks in the namespace of the review, and narrows URLs', async () => {
  const nonResourceRules = [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/metrics'] }]
  const resourceRules = [rule(['get'], ['pods'])]
  const { status, asked } = await narrow(
    { resourceRules, nonResourceRules },
    ({ path }) => path !== '/metrics',
  )
  expect(asked[0]).toMatchObject({ namespace: 'team', resource: 'pods' })
  expect(status).toMatchObject({
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
  })
})

test('narrowRules() leaves out what cannot be told, and says so', async () => {
  const { status } = await narrow({ resourceRules: [rule(['get'], ['pods'])] }, () => false, 'away')
  expect(status).toMatchObject({ resourceRules: [], incomplete: true, evaluationError: 'away' })
})

test('narrowRules() asks 2,000 questions at most, however many things a rule names', async () => {
  const many = Array.from({ length: 20_000 }, (_none, index) => `x${index}`)
  const { status, asked } = await narrow({ resourceRules: [rule(['get'], many, many)] }, () => true)
  expect(asked).toHaveLength(2_000)
  expect(status).toMatchObject({ incomplete: true })
})

test('narrowRules() keeps an answer that was incomplete so', async () => {
  const { status } = await narrow({ incomplete: true }, () => true)
  expect(status).toMatchObject({ incomplete: true })
})
