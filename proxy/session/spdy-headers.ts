import { Unreadable } from './unreadable.ts'

const HEADERS_MAX = 64
/** Headers that say what a stream is: with two values, readers could choose differently. */
const SINGLE: ReadonlySet<string> = new Set(['streamtype', 'port', 'requestid'])
const BROKEN = 'a SPDY frame whose headers have no clear end'

/**
 * Headers of a SPDY frame after decompression, by their names in lower case. Throws `Unreadable` for names that are
 * written in another way, and where what Kubernetes reads comes twice. Source: moby/spdystream v0.5.0, spdy/read.go.
 */
export function parseSpdyHeaders(block: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  let at = 0
  const takeNumber = () => {
    if (at + 4 > block.length) throw new Unreadable(BROKEN)
    at += 4
    return block.readUInt32BE(at - 4)
  }
  const takeText = () => {
    const length = takeNumber()
    if (at + length > block.length) throw new Unreadable(BROKEN)
    at += length
    return block.toString('utf8', at - length, at)
  }
  const count = takeNumber()
  if (count > HEADERS_MAX) throw new Unreadable(`a SPDY frame with over ${HEADERS_MAX} headers`)
  for (let index = 0; index < count; index += 1) {
    const name = takeText()
    const value = takeText()
    if (name !== name.toLowerCase()) {
      throw new Unreadable('a SPDY header whose name is not in lower case')
    }
    if (SINGLE.has(name) && (headers.has(name) || value.includes('\0'))) {
      throw new Unreadable(`the SPDY header ${name} twice in a frame`)
    }
    headers.set(name, value)
  }
  if (at !== block.length) throw new Unreadable(BROKEN)
  return headers
}
