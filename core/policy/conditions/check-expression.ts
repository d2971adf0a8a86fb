import type { parse } from '@bufbuild/cel'
import { CONDITION_FIELDS } from './condition-input.ts'

type Expression = ReturnType<typeof parse>['expr']

/** Parts of an expression: each is looked at for each request that a rule is about. */
const PARTS_MAX = 256
const LEVELS_MAX = 32
/** A pattern is looked for in a text of at most 8,192 characters, in linear time. */
const PATTERN_CHARACTERS_MAX = 256

/** What an expression uses, and what is wrong with it. */
export interface CheckedExpression {
  /** Absent for an expression that can be used. */
  readonly problem?: string
  readonly variables: ReadonlySet<string>
  /** Patterns of `matches`. */
  readonly patterns: readonly string[]
}

/**
 * Whether an expression is small enough, and speaks only of what there is. Loops over lists (`all`, `exists`, `map`,
 * `filter`) may follow each other, and must not stand inside each other: their time would multiply.
 */
export function checkExpression(
  expression: Expression,
  isFunction: (name: string) => boolean,
): CheckedExpression {
  const check = new ExpressionCheck(isFunction)
  check.look(expression, { bound: [], levels: 0, inLoop: false })
  const { problem, variables, patterns } = check
  return { ...(problem === undefined ? {} : { problem }), variables, patterns }
}

/** Where in an expression a part stands. */
interface PartPlace {
  /** Names that loops around it have bound. */
  readonly bound: readonly string[]
  readonly levels: number
  readonly inLoop: boolean
}

class ExpressionCheck {
  readonly variables = new Set<string>()
  readonly patterns: string[] = []
  /** The first one. */
  problem: string | undefined
  readonly #isFunction: (name: string) => boolean
  #parts = 0

  constructor(isFunction: (name: string) => boolean) {
    this.#isFunction = isFunction
  }

  look(expression: Expression | undefined, place: PartPlace): void {
    if (expression === undefined || this.problem !== undefined) return
    this.#parts += 1
    if (this.#parts > PARTS_MAX) this.#refuse(`must have at most ${PARTS_MAX} parts`)
    else if (place.levels > LEVELS_MAX) this.#refuse(`must have at most ${LEVELS_MAX} levels`)
    else this.#lookInto(expression, place, { ...place, levels: place.levels + 1 })
  }

  #lookInto(expression: Expression, place: PartPlace, below: PartPlace): void {
    const { exprKind } = expression
    switch (exprKind.case) {
      case 'identExpr':
        this.#lookAtName(exprKind.value.name, place)
        break
      case 'selectExpr':
        this.#lookAtField(expression, place)
        this.look(exprKind.value.operand, below)
        break
      case 'callExpr':
        this.#lookAtCall(exprKind.value, place)
        this.#lookAtAll([exprKind.value.target, ...exprKind.value.args], below)
        break
      case 'listExpr':
        this.#lookAtAll(exprKind.value.elements, below)
        break
      case 'structExpr':
        this.#lookAtEntries(exprKind.value, below)
        break
      case 'comprehensionExpr':
        this.#lookAtLoop(exprKind.value, below)
        break
      default:
    }
  }

  #lookAtEntries({ messageName, entries }: MapEntries, place: PartPlace): void {
    if (messageName !== '') this.#refuse(`there is no type ${JSON.stringify(messageName)}`)
    for (const { keyKind, value } of entries) {
      this.#lookAtAll([keyKind.case === 'mapKey' ? keyKind.value : undefined, value], place)
    }
  }

  #lookAtAll(expressions: readonly (Expression | undefined)[], place: PartPlace): void {
    for (const one of expressions) this.look(one, place)
  }

  #lookAtLoop(loop: LoopOverList, place: PartPlace): void {
    if (place.inLoop) {
      this.#refuse('must have no loop (all, exists, exists_one, map, filter) inside another')
      return
    }
    this.look(loop.iterRange, place)
    const bound = [...place.bound, loop.iterVar, loop.iterVar2, loop.accuVar]
    const inside = { ...place, bound, inLoop: true }
    this.#lookAtAll([loop.accuInit, loop.loopCondition, loop.loopStep, loop.result], inside)
  }

  #lookAtName(name: string, { bound }: PartPlace): void {
    if (bound.includes(name)) return
    this.variables.add(name)
    if (name === 'now' || Object.hasOwn(CONDITION_FIELDS, name) || TYPES.includes(name)) return
    this.#refuse(
      `there is no variable ${JSON.stringify(name)}; there are request, chain, target and now`,
    )
  }

  #lookAtField(expression: Expression, { bound }: PartPlace): void {
    const [root = '', ...path] = pathOf(expression)
    if (bound.includes(root)) return
    let fields: KnownFields | undefined = CONDITION_FIELDS[root as keyof typeof CONDITION_FIELDS]
    for (const name of path) {
      if (fields === undefined) return
      if (!Object.hasOwn(fields, name)) {
        const known = Object.keys(fields).join(', ') || 'no fields'
        this.#refuse(`${root} has no ${path.join('.')}; there are ${known}`)
        return
      }
      const kind: string = fields[name] ?? ''
      fields = FIELDS_OF[kind]
    }
  }

  #lookAtCall({ function: name, args }: CalledFunction, { inLoop }: PartPlace): void {
    if (name === '@in' && inLoop && args[1]?.exprKind.case !== 'listExpr')
      this.#refuse('must not look for something in a list (in) inside a loop; write the list out')
    if (/^[a-z]\w*$/i.test(name) && !this.#isFunction(name)) {
      this.#refuse(`there is no function ${JSON.stringify(name)}`)
    }
    if (name !== 'matches') return
    // `text.matches(pattern)` or `matches(text, pattern)`.
    const pattern = args.at(-1)?.exprKind
    const constant = pattern?.case === 'constExpr' ? pattern.value.constantKind : undefined
    if (constant?.case !== 'stringValue' || constant.value.length > PATTERN_CHARACTERS_MAX) {
      this.#refuse(`matches takes a text of at most ${PATTERN_CHARACTERS_MAX} characters in quotes`)
    } else this.patterns.push(constant.value)
  }

  #refuse(problem: string): void {
    this.problem ??= problem
  }
}

type Kinds = Expression['exprKind']
type CalledFunction = Extract<Kinds, { case: 'callExpr' }>['value']
type MapEntries = Extract<Kinds, { case: 'structExpr' }>['value']
type LoopOverList = Extract<Kinds, { case: 'comprehensionExpr' }>['value']
type KnownFields = Readonly<Record<string, string>>

/** Names that stand for types, as in `type(x) == string`. */
const TYPES: readonly string[] = [
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type'],
]

/** KnownFields of what a field is; of another one nothing is known. */
const FIELDS_OF: Readonly<Record<string, KnownFields>> = {
  user: { username: 'text', uid: 'text', groups: 'list' },
  actor: { namespace: 'text', name: 'text', serviceAccount: 'text', via: 'list' },
  text: {},
}

/** `chain.caller.name` as its names; empty for what is no such path. */
function pathOf(expression: Expression | undefined): readonly string[] {
  const kind = expression?.exprKind
  if (kind?.case === 'identExpr') return [kind.value.name]
  if (kind?.case !== 'selectExpr') return []
  const before = pathOf(kind.value.operand)
  return before.length === 0 ? [] : [...before, kind.value.field]
}
