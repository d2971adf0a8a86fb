import type { AuditEventSpec } from '../objects/access-objects.ts'
import { shellWord } from './shell-word.ts'

/** The command of an exec as a shell takes it; empty for every other request. `…` stands for what is not kept. */
export function commandText({ exec }: Pick<AuditEventSpec, 'exec'>): string {
  const words = (exec?.command ?? []).map(shellWord)
  return [...words, ...(exec?.commandShortened === undefined ? [] : ['…'])].join(' ')
}

/** What an exec, an attach or a port-forward asks for besides its pod: one line each. */
export function tunnelLines(spec: Pick<AuditEventSpec, 'exec' | 'portForward'>): readonly string[] {
  const { exec, portForward } = spec
  if (portForward !== undefined) {
    return portForward.ports.length === 0 ? [] : [`to port ${portForward.ports.join(', ')}`]
  }
  if (exec === undefined) return []
  const command = commandText(spec)
  const { commandShortened: cut } = exec
  const streams = (['stdin', 'stdout', 'stderr', 'tty'] as const).filter((key) => exec[key])
  const container = exec.container === '' ? [] : [`in the container ${exec.container}`]
  return [
    ...(command === '' ? [] : [`to run ${command}`]),
    ...(cut === undefined ? [] : [`(of ${cut.count} arguments; sha256 ${cut.sha256})`]),
    ...(exec.env.length === 0 ? [] : [`with the environment ${exec.env.map(shellWord).join(' ')}`]),
    ...container,
    ...(streams.length === 0 ? [] : [`with ${streams.join(', ')}`]),
  ]
}
