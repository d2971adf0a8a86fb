import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Gives back now what nobody uses any more. V8 lets the space of young objects grow for as long as a loop makes
 * many of them, and a long export would hold three times what it needs.
 */
export function createCollector(): (type: 'minor' | 'major') => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  return (type) => {
    if (typeof collect === 'function') collect({ type, execution: 'sync' })
  }
}
