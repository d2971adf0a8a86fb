import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects garbage, what is young or all, before it returns. */
export type Collector = (type: 'minor' | 'major') => void

/**
 * Gives back now what nobody uses any more: V8 lets the space of young objects and buffers that nobody uses
 * grow for as long as a program makes many of them. The collector is looked up at its first use. A process
 * started with `--expose-gc` would compile Node's own modules at each start, since V8 takes compiled code only
 * from a process with the same flags.
 */
export function createCollector(): Collector {
  let collect: unknown
  return (type) => {
    collect ??= findCollector()
    if (typeof collect === 'function') collect({ type, execution: 'sync' })
  }
}

function findCollector(): unknown {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return found
}

/**
 * Keeps V8's space of young objects as small as it is now, for the rest of the process. Without it the space
 * doubles whenever many objects survive, and is not given back: for a program that makes much garbage, and little
 * that stays.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
