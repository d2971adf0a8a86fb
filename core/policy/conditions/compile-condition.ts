import { celEnv, isCelError, parse, plan } from '@bufbuild/cel'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { RE2JS } from 're2js'
import { checkExpression } from './check-expression.ts'
import type { RuleCondition } from './condition.ts'
import type { ConditionInput } from './condition-input.ts'

/** As the CRDs say it, too: longer conditions are hard to read. */
const SOURCE_CHARACTERS_MAX = 1_024

/** A condition, or why there is none. */
export type CompiledCondition =
  | { readonly ok: true; readonly condition: RuleCondition }
  | { readonly ok: false; readonly problem: string }

/** The values that conditions are asked about, as the evaluator takes them. */
type Bindings = Readonly<Record<string, CelInput>>
type CelInput = NonNullable<Parameters<ReturnType<typeof plan>>[0]>[string]

/**
 * Reads a condition in CEL, once: it is parsed, its size is bounded, and its variables, fields, functions and patterns
 * are known. Never throws.
 */
export function compileCondition(source: unknown): CompiledCondition {
  if (typeof source !== 'string' || source.trim() === '') {
    return { ok: false, problem: 'must be an expression of CEL' }
  }
  if (source.length > SOURCE_CHARACTERS_MAX) {
    return { ok: false, problem: `must have at most ${SOURCE_CHARACTERS_MAX} characters` }
  }
  const known = compiled.get(source)
  if (known !== undefined) return known
  const found = tryCompile(source)
  if (compiled.size >= COMPILED_MAX) compiled.clear()
  compiled.set(source, found)
  return found
}

/* Each change of one policy has all of them read again, and to compile takes about a millisecond. */
const compiled = new Map<string, CompiledCondition>()
const COMPILED_MAX = 10_000

function tryCompile(source: string): CompiledCondition {
  try {
    return compile(source)
  } catch (error) {
    // Converted: whoever wrote the policy reads what is wrong.
    const reason = error instanceof Error ? error.message : 'it cannot be read'
    return { ok: false, problem: `is not an expression of CEL: ${reason.slice(0, 200)}` }
  }
}

function compile(source: string): CompiledCondition {
  const expression = parse(source)
  // Patterns are compiled here and not for each request, which could take longer than the rest.
  const patterns = new Map<string, RE2JS>()
  const env = celEnv({ re2: { compile: (pattern) => compilePattern(pattern, patterns) } })
  const checked = checkExpression(expression.expr, (name) => env.funcs.find(name) !== undefined)
  if (checked.problem !== undefined) return { ok: false, problem: checked.problem }
  for (const pattern of checked.patterns) compilePattern(pattern, patterns)
  const run = plan(env, expression)
  const readsTime = checked.variables.has('now')
  return {
    ok: true,
    condition: {
      ...{ source, readsTime },
      holds(input) {
        try {
          const result = run(bindingsOf(input))
          return isCelError(result) || typeof result !== 'boolean' ? undefined : result
        } catch {
          // Converted: what cannot be told narrows.
          return undefined
        }
      },
    },
  }
}

function compilePattern(pattern: string, known: Map<string, RE2JS>): RE2JS {
  const found = known.get(pattern) ?? RE2JS.compile(pattern)
  known.set(pattern, found)
  return found
}

/* One input is asked about by every condition that matters for a request. */
const bindings = new WeakMap<ConditionInput, Bindings>()

function bindingsOf(input: ConditionInput): Bindings {
  let known = bindings.get(input)
  if (known === undefined) {
    const { request, chain, target, nowMs } = input
    known = {
      ...{ request: toCel(request), chain: toCel(chain), target: toCel(target) },
      now: timestampFromMs(nowMs),
    }
    bindings.set(input, known)
  }
  return known
}

/** Objects are maps to CEL, and times its timestamps. */
function toCel(value: unknown): CelInput {
  if (value instanceof Date) return timestampFromMs(value.getTime())
  if (Array.isArray(value)) return value.map(toCel)
  if (typeof value !== 'object' || value === null) return value as CelInput
  return new Map(Object.entries(value).map(([key, one]) => [key, toCel(one)]))
}
