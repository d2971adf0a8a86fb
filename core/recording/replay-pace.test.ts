import { describe, expect, test } from 'vitest'
import { ReplayPace } from './replay-pace.ts'

describe('ReplayPace.waitMs()', () => {
  test.each([
    ['as it happened', { speed: 1, idleUsMax: undefined, fromUs: 0 }, [0, 1_000, 59_000]],
    ['twice as fast', { speed: 2, idleUsMax: undefined, fromUs: 0 }, [0, 500, 29_500]],
    ['with short pauses', { speed: 1, idleUsMax: 2_000_000, fromUs: 0 }, [0, 1_000, 2_000]],
    ['both', { speed: 4, idleUsMax: 2_000_000, fromUs: 0 }, [0, 250, 500]],
    ['from the middle', { speed: 1, idleUsMax: undefined, fromUs: 31_000_000 }, [0, 0, 29_000]],
    ['from after the end', { speed: 1, idleUsMax: undefined, fromUs: 99_000_000 }, [0, 0, 0]],
    ['without pauses', { speed: 1, idleUsMax: 0, fromUs: 0 }, [0, 0, 0]],
  ])('%s', (_what, options, want) => {
    const pace = new ReplayPace(options)
    expect([0, 1_000_000, 60_000_000].map((atUs) => pace.waitMs(atUs))).toEqual(want)
  })
})
