import { expect, test, vi } from 'vitest'
import { CONTROL_PLANE_AUDIENCE } from '../../core/names.ts'
import { createTokenReviewer } from './token-reviewer.ts'

type Api = Parameters<typeof createTokenReviewer>[0]
type Request = Parameters<Api['createTokenReview']>[0]

const USER = {
  username: 'system:serviceaccount:team:agent',
  uid: 'u',
  groups: ['g'],
  extra: { a: ['b'] },
}
const YES = { authenticated: true, audiences: [CONTROL_PLANE_AUDIENCE], user: USER }

function aReviewer(status: unknown) {
  const asked: Request[] = []
  const createTokenReview = async (request: Request) => {
    asked.push(request)
    if (status instanceof Error) throw status
    return { ...request.body, status }
  }
  return { asked, review: createTokenReviewer({ createTokenReview } as Api) }
}

test('reviewToken() asks for our audience and gives the user', async () => {
  const { asked, review } = aReviewer(YES)
  expect(await review('secret')).toEqual(USER)
  expect(asked[0]?.body.spec).toEqual({ token: 'secret', audiences: [CONTROL_PLANE_AUDIENCE] })
})

test.each([
  ['no status', undefined],
  ['an empty status', {}],
  ['a plain no', { ...YES, authenticated: false }],
  ['a truthy answer', { ...YES, authenticated: 'true' }],
  ['no audiences', { ...YES, audiences: undefined }],
  ['other audiences', { ...YES, audiences: ['https://kubernetes.default.svc'] }],
  ['an error beside a yes', { ...YES, error: 'expired' }],
  ['no user', { ...YES, user: undefined }],
  ['a user without a name', { ...YES, user: { ...USER, username: '' } }],
])('reviewToken() refuses %s', async (_name, status) => {
  const answer = aReviewer(status).review('secret')
  await expect(answer).rejects.toMatchObject({ code: 'identity_unverified' })
})

test('reviewToken() does not ask about no token at all', async () => {
  const { asked, review } = aReviewer(YES)
  await expect(review('')).rejects.toMatchObject({ code: 'identity_unverified' })
  expect(asked).toEqual([])
})

test('reviewToken() tells an API server that does not answer from a no', async () => {
  const answer = aReviewer(new Error('refused: Bearer secret')).review('secret')
  await expect(answer).rejects.toMatchObject({ code: 'upstream_unavailable' })
  await expect(answer).rejects.not.toThrow(/secret/)
})

test('reviewToken() gives up an API server that takes the question and says nothing', async () => {
  vi.useFakeTimers()
  const createTokenReview = () => new Promise<never>(() => undefined)
  const answer = createTokenReviewer({ createTokenReview })('secret')
  const refused = expect(answer).rejects.toMatchObject({ code: 'upstream_unavailable' })
  await vi.advanceTimersByTimeAsync(4_000)
  await refused
  vi.useRealTimers()
})
