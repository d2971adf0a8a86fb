import { createHash } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DelegationChain } from '../core/chain.ts'
import { Fault } from '../core/fault.ts'
import { chainFromMessage, chainToMessage } from './chain-message.ts'
import { DelegationChainSchema } from './gen/lanyard/v1/chain_pb.ts'

/** A chain as it is kept: the same chain has the same bytes, whoever writes them. */
export interface CanonicalChain {
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array
}

/** Chains live as long as a session, and each decision of a session needs the bytes of its chain. */
const known = new WeakMap<DelegationChain, CanonicalChain>()

/** The bytes of a chain, `lanyard.v1.DelegationChain` with fields and map keys in order. */
export function canonicalChain(chain: DelegationChain): CanonicalChain {
  const before = known.get(chain)
  if (before !== undefined) return before
  const bytes = toBinary(
    DelegationChainSchema,
    create(DelegationChainSchema, chainToMessage(chain)),
  )
  const canonical = { bytes, digest: sha256(bytes) }
  known.set(chain, canonical)
  return canonical
}

/** The chain of canonical bytes. Throws `request_invalid` when they are not what the digest was made of. */
export function parseCanonicalChain(bytes: Uint8Array, digest: Uint8Array): DelegationChain {
  const own = sha256(bytes)
  if (!Buffer.from(own).equals(digest)) {
    throw new Fault('request_invalid', 'The chain on record is not that of its digest')
  }
  const chain = chainFromMessage(fromBinary(DelegationChainSchema, bytes))
  known.set(chain, { bytes, digest: own })
  return chain
}

/** SHA-256 of bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}
