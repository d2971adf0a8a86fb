/** In which form a response is wanted. */
export type Representation = 'object' | 'Table' | 'PartialObjectMetadata' | 'APIGroupDiscoveryList'

interface Clause {
  readonly mediaType: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

/**
 * The first acceptable form of an Accept header, best quality first; undefined when there is none
 * (406). Without the header everything is acceptable. Protobuf, CBOR and YAML are not offered.
 */
export function negotiate(
  accept: string | undefined,
  offered: readonly Representation[],
): Representation | undefined {
  if (accept === undefined || accept.trim() === '') return 'object'
  return accept
    .split(',')
    .map(parseClause)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(representation)
    .find((wanted) => wanted !== undefined && offered.includes(wanted))
}

function parseClause(text: string): Clause {
  const [mediaType = '', ...rest] = text.split(';').map((part) => part.trim())
  const parameters = new Map(
    rest.map((part) => {
      const equals = part.indexOf('=')
      const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase()
      return [name, equals < 0 ? '' : part.slice(equals + 1).replaceAll('"', '')]
    }),
  )
  const quality = Number(parameters.get('q') ?? '1')
  return {
    mediaType: mediaType.toLowerCase(),
    parameters,
    quality: Number.isFinite(quality) ? quality : 0,
  }
}

const JSON_TYPES = ['application/json', 'application/*', '*/*']

function representation({ mediaType, parameters }: Clause): Representation | undefined {
  if (!JSON_TYPES.includes(mediaType)) return undefined
  const form = `${parameters.get('g') ?? ''}/${parameters.get('v') ?? ''} ${parameters.get('as') ?? ''}`
  switch (form) {
    case '/ ':
      return 'object'
    case 'meta.k8s.io/v1 Table':
      return 'Table'
    case 'meta.k8s.io/v1 PartialObjectMetadata':
    case 'meta.k8s.io/v1 PartialObjectMetadataList':
      return 'PartialObjectMetadata'
    case 'apidiscovery.k8s.io/v2 APIGroupDiscoveryList':
      return 'APIGroupDiscoveryList'
    default:
      return undefined
  }
}
