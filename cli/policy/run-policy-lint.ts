import { escapeText } from '../../core/escape-text.ts'
import { lintRules } from '../../core/policy/lint-rules.ts'
import type { CommandContext } from '../command/command-context.ts'
import { readPolicyFiles, type WrittenPolicy } from '../rules/read-policy-files.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'

interface LintFinding {
  readonly file: string
  readonly object: string
  readonly level: 'error' | 'warning'
  readonly message: string
}

/**
 * `policy lint`: what is wrong with policies in files, and what is odd. 1 when a policy is not valid, or, with
 * `strict`, when anything is odd.
 */
export async function runPolicyLint(
  context: CommandContext,
  files: readonly string[],
  { strict = false }: { readonly strict?: boolean },
): Promise<number> {
  const { terminal, output } = context
  const { written, others } = await readPolicyFiles(files)
  const findings = written.flatMap(findingsOf)
  if (output === 'json') terminal.out(toJson(report(findings)))
  else if (output === 'yaml') terminal.out(toYaml(report(findings)))
  else {
    for (const { file, object, level, message } of findings) {
      terminal.out(`${escapeText(`${file}: ${object}: ${level}: ${message}`)}\n`)
    }
    const errors = findings.filter(({ level }) => level === 'error').length
    terminal.out(
      `objects: ${written.length}, errors: ${errors}, warnings: ${findings.length - errors}${others.length === 0 ? '' : `; not looked at, of other kinds: ${others.length}`}\n`,
    )
  }
  const isBad = findings.some(({ level }) => strict || level === 'error')
  return isBad ? 1 : 0
}

function report(findings: readonly LintFinding[]): unknown {
  return { apiVersion: 'lanyard.dev/v1alpha1', kind: 'PolicyLintReport', findings }
}

function findingsOf({ file, title, problems, rules }: WrittenPolicy): readonly LintFinding[] {
  const errors = problems.map((message) => ({ level: 'error' as const, message }))
  const warnings = lintRules(rules).map(({ path, message }) => ({
    level: 'warning' as const,
    message: `${path}: ${message}`,
  }))
  return [...errors, ...warnings].map((finding) => ({ file, object: title, ...finding }))
}
