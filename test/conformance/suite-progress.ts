/** Before this many, the time that one took says little about the others. */
const SPECS_MIN = 10

/** How far a run of the suite is, from what Ginkgo has printed so far. Times are in milliseconds. */
export class SuiteProgress {
  readonly #began: number

  constructor(now: number) {
    this.#began = now
  }

  /** Such as `120 of 293 specs, 2 failed, about 9.5 min left`: as long for each as for those until now. */
  state(printed: Printed, now: number): string {
    const { total, ended, failed } = printed
    if (total === 0) return 'choosing the specs'
    const count = `${ended} of ${total} specs${failed === 0 ? '' : `, ${failed} failed`}`
    const left = Math.max(0, total - ended)
    if (left === 0 || ended < SPECS_MIN) return count
    const ms = ((now - this.#began) / ended) * left
    return `${count}, about ${Math.ceil(ms / 30_000) / 2} min left`
  }
}

export interface Printed {
  readonly total: number
  readonly ended: number
  readonly failed: number
}

/** Reads what `COUNT` printed: three lines, each a number or nothing. */
export function parsePrinted(text: string): Printed {
  const [total = 0, ended = 0, failed = 0] = text.split('\n').map((line) => Number(line) || 0)
  return { total, ended, failed }
}

/** A shell's commands that count in Ginkgo's output: the specs to run, those that ended, those that failed. */
export function countIn(log: string): string {
  return [
    `sed -n 's/^Will run \\([0-9]*\\) of .*/\\1/p' ${log} | head -n 1 | grep . || echo`,
    `grep -o '^•\\|•' ${log} | wc -l`,
    `grep -c '^• \\[\\(FAILED\\|PANICKED\\|TIMEDOUT\\|INTERRUPTED\\)\\]' ${log}`,
  ].join('; ')
}
