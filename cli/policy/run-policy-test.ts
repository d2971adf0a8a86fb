import { dirname, resolve } from 'node:path'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { Decision } from '../../core/policy/decision.ts'
import { NOTHING_IN_THE_WAY, type PolicySet, simulate } from '../../core/policy/simulate.ts'
import type { CommandContext } from '../command/command-context.ts'
import { parseAskedRequest } from '../rules/asked-request.ts'
import { type PolicyFiles, readPolicyFiles, readValidPolicies } from '../rules/read-policy-files.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { type PolicyCase, parsePolicyTest } from './parse-policy-test.ts'

interface CaseResult {
  readonly file: string
  readonly name: string
  readonly passed: boolean
  /** What was decided, and by what. */
  readonly got: string
  /** What was expected instead; empty where it came. */
  readonly wanted: string
}

/** `policy test`: the expectations of PolicyTests against policies in files. 1 when one does not hold. */
export async function runPolicyTest(
  context: CommandContext,
  files: readonly string[],
): Promise<number> {
  const { terminal, output } = context
  const results: CaseResult[] = []
  for (const file of files) results.push(...(await runFile(context, file)))
  const failed = results.filter(({ passed }) => !passed)
  const report = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'PolicyTestReport', results }
  if (output === 'json') terminal.out(toJson(report))
  else if (output === 'yaml') terminal.out(toYaml(report))
  else {
    for (const { file, name, passed, got, wanted } of results) {
      const mark = passed ? terminal.style('green', '√') : terminal.style('red', '×')
      const why = passed ? '' : `\n    wanted ${wanted}\n    got ${got}`
      terminal.out(
        `${mark} ${escapeText(`${file}: ${name}`)}${why.split('\n').map(escapeText).join('\n')}\n`,
      )
    }
    terminal.out(`${results.length - failed.length} of ${results.length} hold\n`)
  }
  return failed.length === 0 ? 0 : 1
}

async function runFile(context: CommandContext, file: string): Promise<readonly CaseResult[]> {
  const own = await readPolicyFiles([file])
  const tests = own.others.filter(
    ({ object }) => (object as { kind?: unknown }).kind === 'PolicyTest',
  )
  if (tests.length === 0) {
    throw new Fault('config_invalid', `${file}: there is no object of the kind PolicyTest in it`)
  }
  const results: CaseResult[] = []
  for (const { object } of tests) {
    const problems: string[] = []
    const { policies, cases } = parsePolicyTest(object, problems)
    if (problems.length > 0) throw new Fault('config_invalid', `${file}: ${problems.join('; ')}`)
    const paths = policies.map((path) => resolve(dirname(file), path))
    const set = together(own, paths.length === 0 ? undefined : await readValidPolicies(paths))
    for (const one of cases) results.push(runCase(context, file, set, one))
  }
  return results
}

function together(own: PolicyFiles, named: PolicyFiles | undefined): PolicySet {
  return {
    policies: [...own.policies, ...(named?.policies ?? [])],
    limits: [...own.limits, ...(named?.limits ?? [])],
  }
}

function runCase(
  { now }: CommandContext,
  file: string,
  set: PolicySet,
  one: PolicyCase,
): CaseResult {
  const nowMs = one.at === undefined ? now() : Date.parse(one.at)
  const asked = parseAskedRequest(one.verb, one.resource, one.object, one.namespace)
  const actors = [...one.ancestors, `${one.namespace || 'default'}/default`].map(
    (account, index) => {
      const [namespace = '', serviceAccount = ''] = account.split('/')
      return { podUid: `pod-${index}`, namespace, name: `pod-${index}`, serviceAccount, via: [] }
    },
  )
  const decision = simulate(set, {
    attributes: one.command === undefined ? asked : { ...asked, exec: execOf(one.command) },
    chain: { rootRequester: one.root, coRequesters: one.coRequesters, actors },
    ...{ nowMs, beganAtMs: nowMs, renewedAtMs: nowMs },
    namespaceLabels: one.namespaceLabels,
    guard: NOTHING_IN_THE_WAY,
    defaultDecision: 'SubjectAccessReview',
    accessOf: () => (one.rbac === 'Allow' ? 'allowed' : 'denied'),
  })
  const got = describeDecision(decision)
  const passed = holds(one, decision)
  return { file, name: one.name, passed, got, wanted: passed ? '' : describeWish(one) }
}

function execOf(command: readonly string[]) {
  const streams = { stdin: false, stdout: true, stderr: true, tty: false }
  return { command, env: [], container: '', ...streams }
}

const WORDS = { allow: 'Allow', hold: 'Hold', deny: 'Deny' } as const

function holds(one: PolicyCase, decision: Decision): boolean {
  const masks = decision.effect === 'deny' ? [] : decision.obligations.mask
  return (
    WORDS[decision.effect] === one.expect &&
    (one.rule === undefined || one.rule === decision.rule) &&
    (one.mask === undefined || JSON.stringify([...one.mask].sort()) === JSON.stringify(masks))
  )
}

function describeDecision(decision: Decision): string {
  const { effect, reason, rule } = decision
  const by = rule === '' ? '' : ` by ${rule}`
  const detail = effect === 'deny' && decision.detail !== undefined ? `: ${decision.detail}` : ''
  const masks = effect === 'deny' ? [] : decision.obligations.mask
  const masked = masks.length === 0 ? '' : `, masked by ${masks.join(', ')}`
  return `${WORDS[effect]} (${reason})${by}${masked}${detail}`
}

function describeWish({ expect, rule, mask }: PolicyCase): string {
  const by = rule === undefined ? '' : ` by ${rule}`
  const masked = mask === undefined ? '' : `, masked by ${mask.join(', ') || 'nothing'}`
  return `${expect}${by}${masked}`
}
