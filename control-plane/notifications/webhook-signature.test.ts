import { describe, expect, test } from 'vitest'
import { parseWebhookKey, signWebhook } from './webhook-signature.ts'

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('signWebhook()', () => {
  // The vector of the Standard Webhooks specification and of its libraries.
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', atSeconds: 1_614_265_330 }
  const body = '{"test": 2432232314}'

  test('signs as the specification does', () => {
    expect(signWebhook([parseWebhookKey(KEY)], { ...message, body })).toEqual({
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  test.each([
    ['another body', { ...message, body: `${body} ` }],
    ['another time', { ...message, atSeconds: message.atSeconds + 1, body }],
    ['another id', { ...message, id: 'msg_other', body }],
  ])('signs %s in another way', (_what, other) => {
    const keys = [parseWebhookKey(KEY)]
    const signature = (parts: typeof other) => signWebhook(keys, parts)['webhook-signature']
    expect(signature(other)).not.toBe(signature({ ...message, body }))
  })

  test('signs once by each key', () => {
    const other = parseWebhookKey(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)
    const signed = signWebhook([other, parseWebhookKey(KEY)], { ...message, body })
    const [one, two] = signed['webhook-signature'].split(' ')
    expect(one).not.toBe(two)
    expect(two).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })
})

describe('parseWebhookKey()', () => {
  const key = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`

  test.each([24, 32, 64])('takes %d bytes', (bytes) => {
    expect(parseWebhookKey(key(bytes))).toHaveLength(bytes)
  })

  test.each([
    ['nothing', ''],
    ['too few bytes', key(23)],
    ['too many bytes', key(65)],
    ['a key without its prefix', key(32).slice(6)],
    ['what is no base64', `${key(32)}!`],
    ['base64 with a line end', `${key(32)}\n`],
  ])('refuses %s and does not repeat it', (_what, text) => {
    expect(() => parseWebhookKey(text)).toThrow(/A key is whsec_ and the base64/)
  })
})
