import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isUnsafe } from '../../core/escape-text.ts'
import {
  createMemoryAuditEventStore,
  createMemoryPodBindingStore,
  NO_STORY,
} from '../../test/support/memory-stores.ts'
import { AGENT, aDecision, anEnrolledBinding, aUser } from '../../test/support/record-builders.ts'
import { toAuditEventObject, toChainObject } from './access-object.ts'
import { createAuditEventResource } from './audit-event-resource.ts'
import { createChainResource } from './chain-resource.ts'
import { createRendering } from './table.ts'

const REPRESENTATIONS = ['object', 'Table', 'PartialObjectMetadata'] as const
const text = fc.string({ unit: 'binary', maxLength: 8 })

/** No text of a value, at any depth, moves a terminal. */
function unsafeTexts(value: unknown): readonly string[] {
  const found: string[] = []
  JSON.stringify(value, (key, one: unknown) => {
    found.push(key, ...(typeof one === 'string' ? [one] : []))
    return one
  })
  return found.filter(isUnsafe)
}

test.each(REPRESENTATIONS)('createRendering() escapes every text of a decision as %s', (form) => {
  const resource = createAuditEventResource(createMemoryAuditEventStore())
  fc.assert(
    fc.property(text, text, text, text, text, (name, path, username, userAgent, message) => {
      const event = aDecision(1)
      const rootRequester = { ...aUser(username, [name]), extra: { [path]: [message] } }
      const attributes = { ...event.attributes, name, path, namespace: name, resource: path }
      const chain = { ...event.chain, rootRequester }
      const parts = { attributes, chain, userAgent, message, container: name, refusedBy: username }
      const object = toAuditEventObject({ ...event, ...parts, sequence: 1, lastSequence: 1 })
      const rendering = createRendering(resource, form, 'Object', () => 0)
      expect(unsafeTexts(rendering.list([object], { resourceVersion: '1' }))).toEqual([])
    }),
  )
})

test.each(REPRESENTATIONS)('createRendering() escapes every text of a chain as %s', (form) => {
  const resource = createChainResource(createMemoryPodBindingStore(), NO_STORY)
  fc.assert(
    fc.property(text, text, (username, kind) => {
      const actor = { ...AGENT, via: [{ kind, name: kind }] }
      const coRequesters = [aUser(kind)]
      const chain = { rootRequester: aUser(username), coRequesters, actors: [actor] }
      const touches = [{ kind, name: kind, username, atMs: 0, fields: [kind] }]
      const told = { endsAtMs: 1, state: { phase: 'Unknown' as const }, touches }
      const object = toChainObject(anEnrolledBinding([actor], 1, { chain }), told)
      const rendering = createRendering(resource, form, 'Object', () => 0)
      expect(unsafeTexts(rendering.one(object))).toEqual([])
    }),
  )
})
