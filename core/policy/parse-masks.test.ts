import { expect, test } from 'vitest'
import { type ParsedMaskProfile, parseMaskProfile } from '../masking/parse-mask-profile.ts'
import { namesMaskProfile, parseMasks } from './parse-masks.ts'

const spec = {
  fields: [{ apiGroups: ['pay.example.com'], resources: ['cards'], path: '.spec.number' }],
}
const PROFILES: ReadonlyMap<string, ParsedMaskProfile> = new Map([
  ['cards', parseMaskProfile({ metadata: { name: 'cards' }, spec })],
  ['broken', parseMaskProfile({ metadata: { name: 'broken' }, spec: {} })],
])
const ID = [...PROFILES.values()].flatMap((one) => (one.ok ? [one.profile.id] : [])).join()
const RULE = { effect: 'Allow', apiGroups: ['pay.example.com'], resources: ['cards'] }

function parse(rule: object): readonly [masks: readonly string[], problems: readonly string[]] {
  const problems: string[] = []
  const masks = parseMasks({ ...RULE, ...rule }, 'mask', problems, (name) => PROFILES.get(name))
  return [masks, problems]
}

test.each([
  ['nothing', {}, []],
  ['a MaskProfile, by what it says', { mask: ['cards'] }, [ID]],
  [
    'both kinds, sorted, each once',
    { mask: ['credentials', 'cards', 'cards'] },
    [ID, 'credentials'],
  ],
  ['a profile for all resources', { mask: ['cards'], resources: ['*'], apiGroups: ['*'] }, [ID]],
])('parseMasks() reads %s', (_name, rule, want) => {
  expect(parse(rule)).toEqual([want, []])
})

test.each([
  [
    'a MaskProfile that there is not',
    { mask: ['faces'] },
    /no mask is called "faces".*no MaskProfile/,
  ],
  [
    'a MaskProfile that is not valid',
    { mask: ['broken'] },
    /MaskProfile broken is not valid: spec: must have fields or patterns/,
  ],
  ['the id of one', { mask: [ID] }, /no mask is called/],
  [
    'one that hides nothing there',
    { mask: ['cards'], resources: ['pods'] },
    /cards hides nothing in what the rule names/,
  ],
  ['one of another group', { mask: ['cards'], apiGroups: [''] }, /cards hides nothing/],
  [
    'one of objects for logs',
    { mask: ['cards'], apiGroups: [''], resources: ['pods/log'] },
    /cards hides nothing/,
  ],
  ['what is no text', { mask: [7] }, /no mask is called 7/],
])('parseMasks() refuses %s', (_name, rule, problem) => {
  const [, problems] = parse(rule)
  expect(problems.join()).toMatch(problem)
})

test.each([
  [{ spec: { rules: [{ mask: ['credentials'] }, { mask: ['cards'] }] } }, true],
  [{ spec: { rules: [{ mask: ['credentials'] }, {}] } }, false],
  [{ spec: { rules: 'none' } }, false],
  [undefined, false],
])('namesMaskProfile() of %j is %j', (policy, want) => {
  expect(namesMaskProfile(policy)).toBe(want)
})
