import { type Log, withTicks } from '../cluster/progress.ts'
import type { Narrator } from './narrator.ts'
import type { Cast, Chapter, Step } from './step.ts'

/**
 * Runs a chapter: prints each command, runs it, prints its answer. Throws when an answer is not what
 * the story says. `log` hears of what takes long.
 */
export async function tell(
  narrator: Narrator,
  log: Log,
  chapter: Chapter,
  cast: Cast,
): Promise<void> {
  narrator.chapter(chapter.title)
  for (const { name, text } of chapter.files ?? []) narrator.file(name, text)
  for (const step of chapter.steps) await tellStep(narrator, log, step, cast)
}

async function tellStep(narrator: Narrator, log: Log, step: Step, cast: Cast): Promise<void> {
  const { why, shows } = step
  narrator.command(step.command)
  const { text, exitCode } = await withTicks(log, '  still at it', () => step.run(cast))
  narrator.answer({ text, why, ...(shows === undefined ? {} : { shows }) })
  const missing = step.wants.says.filter((pattern) => !pattern.test(text))
  if (exitCode === step.wants.exitCode && missing.length === 0) return
  const codes = `exit code ${exitCode}, wanted ${step.wants.exitCode}`
  throw new Error(`"${step.name}" went otherwise: ${codes}; missing: ${missing.join(' ')}`)
}
