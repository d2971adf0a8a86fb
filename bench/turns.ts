import type { Log } from '../test/cluster/progress.ts'
import {
  describeNoise,
  isCalm,
  type MachineTicks,
  type Noise,
  readMachineTicks,
  sharesBetween,
  toNoise,
} from './noise.ts'

/** Results of paths that took turns, one of each round. */
export interface Turns<Name extends string, Result> {
  readonly results: Readonly<Record<Name, readonly Result[]>>
  readonly noise: Noise
  /** False when the machine was too busy to tell, also when it was measured again. */
  readonly calm: boolean
}

export interface TurnOptions<Name extends string, Result> {
  readonly names: readonly Name[]
  readonly rounds: number
  /** One path for its time in one round. */
  readonly measure: (name: Name) => Promise<Result>
  /** The number of a result whose spread over the rounds tells how calm the machine was. */
  readonly figure: (result: Result) => number
  readonly onRound?: () => Promise<void>
  readonly log: Log
}

/** How often a measurement is made at most while the machine is too busy to tell. */
const ATTEMPTS_MAX = 2
/** A second of one core. */
const TICKS_MIN = 100

/**
 * Measures paths in turns, so that whatever else the machine does falls on all of them, each in every round and
 * as often as every other. Measures all again when the machine was too busy to tell, and resolves with the calmer
 * attempt. Rejects with what a path throws.
 */
export async function measureInTurns<Name extends string, Result>(
  options: TurnOptions<Name, Result>,
): Promise<Turns<Name, Result>> {
  const attempts: Turns<Name, Result>[] = []
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const turns = await measureOnce(options)
    attempts.push(turns)
    if (turns.calm) break
    const next = attempt < ATTEMPTS_MAX ? 'measuring again' : 'the calmer attempt is taken'
    options.log(`Too busy to tell: ${describeNoise(turns.noise)}; ${next}`)
  }
  const [calmest] = attempts.sort((one, other) => unrest(one.noise) - unrest(other.noise))
  if (calmest === undefined) throw new Error('Nothing was measured')
  return calmest
}

async function measureOnce<Name extends string, Result>(
  options: TurnOptions<Name, Result>,
): Promise<Turns<Name, Result>> {
  const { names, rounds, measure, figure } = options
  const results = {} as Record<Name, Result[]>
  for (const name of names) results[name] = []
  const stolen: number[] = []
  const began = await readMachineTicks()
  for (let round = 0; round < rounds; round += 1) {
    await options.onRound?.()
    for (const name of names) {
      const before = await readMachineTicks()
      results[name].push(await measure(name))
      stolen.push(stolenBetween(before, await readMachineTicks()))
    }
  }
  stolen.push(stolenBetween(began, await readMachineTicks()))
  const numbers = names.map((name) => [name, results[name].map(figure)] as const)
  const noise = toNoise(Object.fromEntries(numbers), stolen)
  return { results, noise, calm: isCalm(noise) }
}

/** Of the time between two readings; none where so little passed that one tick is a large share. */
function stolenBetween(before: MachineTicks, after: MachineTicks): number {
  return after.total - before.total < TICKS_MIN ? 0 : sharesBetween(before, after).stolen
}

function unrest({ stolen, spread }: Noise): number {
  return stolen + spread
}
