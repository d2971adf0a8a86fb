import { describe, expect, test } from 'vitest'
import { readTemplate, whyUnread } from './read-template.ts'

const POD = { subresource: '' }
const read = (contentType: string | undefined, body: string | Uint8Array, place = POD) =>
  readTemplate(place, contentType, typeof body === 'string' ? Buffer.from(body) : body)
const RM = { spec: { containers: [{ name: 'a', command: ['rm', '-rf', '/'] }] } }
const JSON_BODY = JSON.stringify(RM)
const YAML_BODY = `# a pod
spec:
  containers:
  - name: a
    command: [rm, "-rf", '/']
`

describe('readTemplate()', () => {
  test.each([
    ['JSON', 'application/json', JSON_BODY],
    ['JSON without a type', undefined, JSON_BODY],
    ['JSON with parameters', 'Application/JSON; charset=utf-8', JSON_BODY],
    ['a merge patch', 'application/merge-patch+json', JSON_BODY],
    ['a strategic merge patch', 'application/strategic-merge-patch+json', JSON_BODY],
    ['an apply in JSON, as client-go sends it', 'application/apply-patch+yaml', JSON_BODY],
    ['an apply in YAML', 'application/apply-patch+yaml', YAML_BODY],
    ['YAML', 'application/yaml', YAML_BODY],
    ['YAML with lines of Windows', 'application/yaml', YAML_BODY.replaceAll('\n', '\r\n')],
    ['YAML in JSON', 'application/yaml', JSON_BODY],
    ['YAML behind a line of dashes', 'application/yaml', `---\n${YAML_BODY}`],
    [
      'a JSON patch',
      'application/json-patch+json',
      JSON.stringify([{ op: 'add', path: '/spec', value: RM.spec }]),
    ],
  ])('reads %s', async (_name, contentType, body) => {
    const { commands, problem } = await read(contentType, body)
    expect(problem).toBe('')
    expect(commands).toEqual([expect.objectContaining({ command: ['rm', '-rf', '/'] })])
  })

  test.each([
    ['a key that stands twice', 'application/json', '{"spec":{},"spec":{}}', /one key twice/],
    ['an escaped one', 'application/json', '{"spec":{},"sp\\u0065c":{}}', /one key twice/],
    ['what follows the object', 'application/json', `${JSON_BODY}{}`, /not plain JSON/],
    ['YAML as JSON', 'application/json', YAML_BODY, /not plain JSON/],
    ['an empty body', 'application/json', '', /not plain JSON/],
    ['two documents', 'application/yaml', `${YAML_BODY}---\n${YAML_BODY}`, /in two ways/],
    [
      'two documents, one of which ends',
      'application/yaml',
      `${YAML_BODY}...\n${YAML_BODY}`,
      /in two ways/,
    ],
    ['a key of YAML that stands twice', 'application/yaml', 'a: 1\na: 2\n', /in two ways/],
    ['an anchor', 'application/yaml', 'a: &x [rm]\nb: *x\n', /in two ways/],
    ['a merge', 'application/yaml', '<<: {a: b}\n', /in two ways/],
    ['a merge in JSON', 'application/yaml', '{"<<": {"a": "b"}}', /in two ways/],
    ['a tag', 'application/yaml', 'a: !!binary cm0=\n', /in two ways/],
    ['a tag of its own', 'application/yaml', 'a: !x rm\n', /in two ways/],
    ['a directive', 'application/yaml', '%YAML 1.1\n---\na: b\n', /in two ways/],
    ['a key that is a list', 'application/yaml', '? [a]\n: b\n', /in two ways/],
    ['an end of line of YAML 1.1 only', 'application/yaml', 'a: b #\u2028c: d\n', /in two ways/],
    ['the same in JSON', 'application/yaml', '{"a":"b\u0085"}', /in two ways/],
    ['a lone carriage return', 'application/yaml', 'a: b #\rc: d\n', /in two ways/],
    ['broken YAML', 'application/yaml', 'a: [b\n', /in two ways/],
    ['lists without end', 'application/yaml', '['.repeat(10_000), /in two ways/],
    ['long YAML', 'application/yaml', `a: b\n${'#x\n'.repeat(100_000)}`, /send the body as JSON/],
  ])('does not tell %s', async (_name, contentType, body, problem) => {
    const template = await read(contentType, body)
    expect(template).toMatchObject({ commands: [], wrongMediaType: false })
    expect(template.problem).toMatch(problem)
  })

  test('does not tell what is not UTF-8', async () => {
    const template = await read('application/json', Buffer.from([0x7b, 0xff, 0x7d]))
    expect(template.problem).toMatch(/not UTF-8/)
  })

  test('looks at ephemeral containers alone where only they can change', async () => {
    const spec = { ...RM.spec, ephemeralContainers: [{ name: 'd', command: ['id'] }] }
    const place = { subresource: 'ephemeralcontainers' }
    const { commands } = await read('application/json', JSON.stringify({ spec }), place)
    expect(commands).toEqual([expect.objectContaining({ command: ['id'] })])
  })
})

test.each([
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'application/apply-patch+cbor',
  'text/plain',
  'application/x-www-form-urlencoded',
  'constructor',
])('whyUnread() of %s says what to send', (contentType) => {
  const unread = whyUnread(contentType)
  expect(unread).toMatchObject({ wrongMediaType: true })
  expect(unread?.problem).toMatch(/send it as application\/json or application\/yaml/)
})
