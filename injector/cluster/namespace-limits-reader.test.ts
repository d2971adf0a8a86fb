import { describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { NamespaceLimitsReader } from './namespace-limits-reader.ts'

/** A reader of these objects, with a clock that the test sets, and what was read. */
function aReader(objects: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const clock = { ms: 10_000 }
  const read = async (path: string) => {
    asked.push(path)
    const object = objects[path]
    if (object instanceof Fault) throw object
    return object
  }
  return { reader: new NamespaceLimitsReader(read, () => clock.ms), asked, clock }
}

const TEAM = '/api/v1/namespaces/team'

describe('NamespaceLimitsReader.limitsOf()', () => {
  test('gives annotations, each line of each LimitRange, and what quotas count', async () => {
    const cpu = { type: 'Container', min: { cpu: '10m' } }
    const memory = { type: 'Pod', max: { memory: '1Gi' } }
    const { reader } = aReader({
      [TEAM]: { metadata: { annotations: { 'lanyard.dev/sidecar-cpu-limit': '1' } } },
      [`${TEAM}/limitranges`]: {
        items: [{ spec: { limits: [cpu, memory] } }, { spec: { limits: [cpu] } }],
      },
      [`${TEAM}/resourcequotas`]: {
        items: [{ spec: { hard: { 'limits.cpu': '4', pods: '10' } } }, { spec: { hard: {} } }],
      },
    })
    await expect(reader.limitsOf('team')).resolves.toEqual({
      annotations: { 'lanyard.dev/sidecar-cpu-limit': '1' },
      limitRanges: [cpu, memory, cpu],
      quotas: ['limits.cpu', 'pods'],
    })
  })

  test.each([
    ['a namespace that is not there', {}],
    ['objects without anything in them', { [TEAM]: {}, [`${TEAM}/limitranges`]: {} }],
    [
      'lists without a specification',
      {
        [TEAM]: { metadata: {} },
        [`${TEAM}/limitranges`]: { items: [{}, { spec: {} }] },
        [`${TEAM}/resourcequotas`]: { items: [{}, { spec: {} }] },
      },
    ],
  ])('gives nothing for %s', async (_title, objects) => {
    const { reader } = aReader(objects)
    const nothing = { annotations: {}, limitRanges: [], quotas: [] }
    await expect(reader.limitsOf('team')).resolves.toEqual(nothing)
  })

  test.each([
    [0, 3],
    [999, 3],
    [1_000, 6],
  ])('after %i ms has read %i objects', async (laterMs, count) => {
    const { reader, asked, clock } = aReader({})
    await reader.limitsOf('team')
    clock.ms += laterMs
    await reader.limitsOf('team')
    expect(asked).toHaveLength(count)
  })

  test('reads once for pods that come together', async () => {
    const { reader, asked } = aReader({})
    await Promise.all([reader.limitsOf('team'), reader.limitsOf('team')])
    expect(asked).toEqual([TEAM, `${TEAM}/limitranges`, `${TEAM}/resourcequotas`])
  })

  test('gives no namespace what is of another, and asks for a name as it is', async () => {
    const { reader, asked } = aReader({ [TEAM]: { metadata: { annotations: { of: 'team' } } } })
    await reader.limitsOf('team')
    await expect(reader.limitsOf('a/b')).resolves.toMatchObject({ annotations: {} })
    expect(asked).toContain('/api/v1/namespaces/a%2Fb/limitranges')
  })

  test.each([TEAM, `${TEAM}/limitranges`, `${TEAM}/resourcequotas`])(
    'throws what reading %s throws, and reads again a second later',
    async (path) => {
      const objects: Record<string, unknown> = { [path]: new Fault('upstream_unavailable', 'away') }
      const { reader, clock } = aReader(objects)
      await expect(reader.limitsOf('team')).rejects.toMatchObject({ code: 'upstream_unavailable' })
      delete objects[path]
      clock.ms += 1_000
      await expect(reader.limitsOf('team')).resolves.toMatchObject({ quotas: [] })
    },
  )
})
