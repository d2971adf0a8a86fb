import { describe, expect, test } from 'vitest'
import { parseJsonPatch } from './parse-json-patch.ts'

const C = '/spec/template/spec/containers'
const RM = { name: 'a', command: ['rm', '-rf', '/'] }
const add = (path: string, value: unknown) => [{ op: 'add', path, value }]

describe('parseJsonPatch()', () => {
  test.each([
    ['a container', add(`${C}/-`, RM)],
    ['a container in the place of another', [{ op: 'replace', path: `${C}/0`, value: RM }]],
    ['all containers', add(C, [RM])],
    ['the spec of the pods', add('/spec/template/spec', { containers: [RM] })],
    ['the whole object', [{ op: 'replace', path: '', value: { spec: { containers: [RM] } } }]],
    ['an init container', add('/spec/template/spec/initContainers/0', RM)],
    [
      'a list of a name that is escaped',
      add('/spec/jobTemplate/spec/template/spec', { initContainers: [RM] }),
    ],
    ['a command', add(`${C}/0/command`, RM.command)],
    ['a probe', add(`${C}/0/livenessProbe`, { exec: { command: RM.command } })],
    ['a hook', add(`${C}/0/lifecycle`, { preStop: { exec: { command: RM.command } } })],
    ['the second of two operations', [{ op: 'test', path: '/x', value: RM }, ...add(`${C}/1`, RM)]],
  ])('finds what %s runs', (_name, patch) => {
    expect(parseJsonPatch(patch)).toContainEqual(
      expect.objectContaining({ command: expect.arrayContaining(['rm']) }),
    )
  })

  test.each([
    ['a word of a command', add(`${C}/0/command/0`, 'rm'), /changes a part of command/],
    ['a word of args', [{ op: 'replace', path: `${C}/0/args/1`, value: 'x' }], /part of args/],
    [
      'a part of a probe',
      add(`${C}/0/livenessProbe/exec/command`, ['rm']),
      /part of livenessProbe/,
    ],
    ['a value of a variable', add(`${C}/0/env/0/name`, 'PATH'), /changes a part of env/],
    ['a loss of the command', [{ op: 'remove', path: `${C}/0/command` }], /takes command away/],
    ['a loss of a word', [{ op: 'remove', path: `${C}/0/args/0` }], /takes args away/],
    ['a copy', [{ op: 'copy', from: `${C}/1`, path: `${C}/0` }], /copies what is stored/],
    [
      'a move out of an annotation',
      [{ op: 'move', from: '/metadata/annotations/x', path: `${C}/0/command/0` }],
      /copies what is stored/,
    ],
    ['an operation that nobody knows', [{ op: 'merge', path: '/', value: {} }], /unknown kind/],
    ['no list', { op: 'add' }, /no list/],
    ['no operation', [null], /has no op/],
    ['no path', [{ op: 'add' }], /has no op or no path/],
    ['too many', Array.from({ length: 1_025 }, () => ({})), /too many operations/],
  ])('does not tell %s', (_name, patch, problem) => {
    expect(parseJsonPatch(patch)).toMatch(problem)
  })

  test.each([
    ['a label', add('/metadata/labels/a', 'x')],
    ['an image', [{ op: 'replace', path: `${C}/0/image`, value: 'x' }]],
    ['a number of replicas', [{ op: 'replace', path: '/spec/replicas', value: 3 }]],
    ['a loss of a container', [{ op: 'remove', path: `${C}/1` }]],
    ['a loss of a variable', [{ op: 'remove', path: `${C}/1/env/0` }]],
    ['a move of an annotation', [{ op: 'move', from: '/metadata/a', path: '/metadata/b' }]],
    ['nothing', []],
  ])('finds nothing in %s', (_name, patch) => {
    expect(parseJsonPatch(patch)).toEqual([])
  })

  test('finds the variables of an entry', () => {
    const read = parseJsonPatch(add(`${C}/0/env/-`, { name: 'LD_PRELOAD', value: '/x' }))
    expect(read).toEqual([expect.objectContaining({ variables: ['LD_PRELOAD'], command: [] })])
  })

  test('looks at the lists that are named only', () => {
    const patch = add('/spec/ephemeralContainers/-', RM)
    expect(parseJsonPatch(patch, ['ephemeralContainers'])).toHaveLength(1)
    expect(parseJsonPatch(patch, ['containers'])).toEqual([])
  })
})
