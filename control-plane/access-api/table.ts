import type { Column } from '../../api/columns/column.ts'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import type { Representation } from './media-type.ts'

/** What a row of a Table carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** Metadata of a list: revision and, when there is more, how to go on. */
interface ListMeta {
  readonly resourceVersion: string
  readonly continue?: string
}

/** Throws `request_invalid` for another word than the three. */
export function parseIncludeObject(text: string): IncludeObject {
  if (text === '') return 'Metadata'
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text
  throw new Fault('request_invalid', 'The includeObject is one of None, Metadata, Object')
}

/** What every object has that is written in one of the forms. */
interface Rendered {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
}

/** Of which kind the objects are, and what a Table shows of them. */
interface Renderable<Item> {
  readonly kind: string
  readonly columns: readonly Column<Item>[]
}

/** Writes the objects of one resource in the form that the client asked for. */
export interface Rendering<Item = AccessObject> {
  one(object: Item): unknown
  list(objects: readonly Item[], meta: ListMeta): unknown
  /** The object of a BOOKMARK event: nothing but a resource version. */
  bookmark(resourceVersion: string, annotations: Readonly<Record<string, string>>): unknown
}

/**
 * Writes objects as a client asked for them. `now` is Unix milliseconds, for the ages in a Table.
 */
export function createRendering<Item extends Rendered = AccessObject>(
  resource: Renderable<Item>,
  representation: Representation,
  includeObject: IncludeObject,
  now: () => number,
): Rendering<Item> {
  switch (representation) {
    case 'Table':
      return tableRendering(resource, includeObject, now)
    case 'PartialObjectMetadata':
      return partialRendering()
    default:
      return objectRendering(resource)
  }
}

function objectRendering({ kind }: { readonly kind: string }): Rendering<Rendered> {
  const apiVersion = ACCESS_API_VERSION
  return {
    one: (object) => object,
    list: (items, metadata) => ({ kind: `${kind}List`, apiVersion, metadata, items }),
    bookmark: (resourceVersion, annotations) => ({
      kind,
      apiVersion,
      metadata: bookmarkMeta(resourceVersion, annotations),
    }),
  }
}

const META_API_VERSION = 'meta.k8s.io/v1'

function partialRendering(): Rendering<Rendered> {
  return {
    one: partial,
    list: (objects, metadata) => ({
      kind: 'PartialObjectMetadataList',
      apiVersion: META_API_VERSION,
      metadata,
      items: objects.map(partial),
    }),
    bookmark: (resourceVersion, annotations) => ({
      kind: 'PartialObjectMetadata',
      apiVersion: META_API_VERSION,
      metadata: bookmarkMeta(resourceVersion, annotations),
    }),
  }
}

function tableRendering<Item extends Rendered>(
  { columns }: Renderable<Item>,
  includeObject: IncludeObject,
  now: () => number,
): Rendering<Item> {
  const columnDefinitions = columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }))

  function table(rows: readonly unknown[], metadata: ListMeta): unknown {
    return { kind: 'Table', apiVersion: META_API_VERSION, metadata, columnDefinitions, rows }
  }

  function row(object: Item): unknown {
    const cells = columns.map(({ cell }) => {
      const value = cell(object, now())
      return typeof value === 'string' ? escapeText(value) : value
    })
    if (includeObject === 'None') return { cells, object: null }
    return { cells, object: includeObject === 'Object' ? object : partial(object) }
  }

  return {
    one: (object) =>
      table([row(object)], { resourceVersion: object.metadata.resourceVersion ?? '' }),
    list: (objects, metadata) => table(objects.map(row), metadata),
    bookmark: (resourceVersion, annotations) => {
      const metadata = bookmarkMeta(resourceVersion, annotations)
      const cells = columns.map(({ type }) => (type === 'integer' ? 0 : ''))
      const object = { kind: 'PartialObjectMetadata', apiVersion: META_API_VERSION, metadata }
      return table([{ cells, object }], { resourceVersion })
    },
  }
}

function partial({ metadata }: Rendered): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: META_API_VERSION, metadata }
}

function bookmarkMeta(
  resourceVersion: string,
  annotations: Readonly<Record<string, string>>,
): unknown {
  const none = Object.keys(annotations).length === 0
  return { resourceVersion, ...(none ? {} : { annotations }) }
}
