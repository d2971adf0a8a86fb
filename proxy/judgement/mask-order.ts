import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { CredentialScanner } from '../../core/masking/credentials/credential-scanner.ts'
import type { MaskDefinition, MaskProfile } from '../../core/masking/mask-profile.ts'
import { isMaskName, type MaskName, masksAbout } from '../../core/masking/mask-rules.ts'
import { MASK_KEY_BYTES } from '../../core/masking/mask-token.ts'
import { once } from '../../core/once.ts'
import type { AllowReply } from './authorizer.ts'

/** Which values of an answer are hidden, and with which key their tokens are made. */
export interface MaskOrder {
  readonly names: readonly MaskName[]
  readonly profiles: readonly MaskProfile[]
  readonly key: Uint8Array
  /** There with the mask `credentials`, and with patterns of MaskProfiles. */
  readonly scanner?: CredentialScanner | undefined
}

/**
 * What is hidden in the answer to a request; undefined where nothing is, and `unknown` for masks that this process cannot
 * carry out, so that the request must not pass.
 */
export async function readMaskOrder(
  { obligations, maskKey, profiles: told = [] }: AllowReply,
  attributes: RequestAttributes,
): Promise<MaskOrder | 'unknown' | undefined> {
  const builtIn = obligations.mask.filter(isMaskName)
  const others = obligations.mask.filter((name) => !isMaskName(name))
  if (maskKey.length !== MASK_KEY_BYTES) return 'unknown'
  const definitions = told.filter(({ id }) => others.includes(id))
  if (!others.every((id) => definitions.some((one) => one.id === id))) return 'unknown'
  const read = definitions.length === 0 ? [] : await readProfiles(definitions, attributes)
  if (read === undefined) return 'unknown'
  const names = masksAbout(builtIn, attributes)
  if (names.length + read.length === 0) return undefined
  const order = { names, profiles: read, key: maskKey }
  const isText = names.includes('credentials') || read.some(({ patterns }) => patterns.length > 0)
  return isText ? { ...order, scanner: await scannerOf(order) } : order
}

/** Loaded with the first answer that needs it: it takes some megabytes. */
const loadProfiles = once(async () => ({
  ...(await import('../../core/masking/parse-mask-profile.ts')),
  ...(await import('../../core/masking/profiles-about.ts')),
}))

/** By id, which is a digest of what they say: a policy names few. */
const READ = new Map<string, MaskProfile>()
const READ_MAX = 64

/** Those of them that have something to hide in the answer; undefined when one is not what its id says. */
async function readProfiles(
  definitions: readonly MaskDefinition[],
  attributes: RequestAttributes,
): Promise<readonly MaskProfile[] | undefined> {
  const { parseMaskProfile, profilesAbout } = await loadProfiles()
  const profiles = definitions.map(
    (one) => READ.get(one.id) ?? parseDefinition(one, parseMaskProfile),
  )
  const known = profiles.filter((one) => one !== undefined)
  return known.length === profiles.length ? profilesAbout(known, attributes) : undefined
}

type Parse = typeof import('../../core/masking/parse-mask-profile.ts')['parseMaskProfile']

function parseDefinition(
  { id, definition }: MaskDefinition,
  parse: Parse,
): MaskProfile | undefined {
  try {
    const parsed = parse(JSON.parse(definition))
    if (!parsed.ok || parsed.profile.id !== id) return undefined
    if (READ.size >= READ_MAX) READ.clear()
    READ.set(id, parsed.profile)
    return parsed.profile
  } catch {
    // Converted: what is not JSON defines nothing.
    return undefined
  }
}

/** By what they look for; compiled rules are large. */
const SCANNERS = new Map<string, Promise<CredentialScanner>>()
const SCANNERS_MAX = 16

function scannerOf({ names, profiles }: Omit<MaskOrder, 'key'>): Promise<CredentialScanner> {
  const isBuiltIn = names.includes('credentials')
  const own = profiles.filter(({ patterns }) => patterns.length > 0)
  const key = JSON.stringify([isBuiltIn, own.map(({ id }) => id).sort()])
  const known = SCANNERS.get(key) ?? makeScanner(isBuiltIn, own)
  if (SCANNERS.size >= SCANNERS_MAX) SCANNERS.clear()
  SCANNERS.set(key, known)
  return known
}

async function makeScanner(
  isBuiltIn: boolean,
  profiles: readonly MaskProfile[],
): Promise<CredentialScanner> {
  const loaded = await import('../../core/masking/credentials/credential-scanner.ts')
  const own = profiles.flatMap(({ patterns }) => patterns)
  return isBuiltIn ? new loaded.CredentialScanner(own) : new loaded.CredentialScanner(own, [], [])
}
