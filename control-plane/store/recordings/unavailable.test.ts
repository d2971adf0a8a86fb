import { expect, test } from 'vitest'
import { Fault } from '../../../core/fault.ts'
import { unavailable } from './unavailable.ts'

test('unavailable() passes results and faults, and converts what the system says', async () => {
  expect(await unavailable(Promise.resolve(1))).toBe(1)
  const fault = new Fault('request_invalid', 'Line 3')
  await expect(unavailable(Promise.reject(fault))).rejects.toBe(fault)
  const error = new Error('ENOSPC')
  await expect(unavailable(Promise.reject(error))).rejects.toMatchObject({
    ...{ code: 'audit_unavailable', cause: error },
  })
})
