import { Transform } from 'node:stream'
import type { BodyFilter } from '../../proxy/exchange/body-filter.ts'

/** A filter that shows where bytes went: `>` before what a caller says, `<` before what it hears. */
export function markingFilter(): BodyFilter {
  return { request: marking('>'), response: marking('<'), changesLength: true }
}

/** A filter that fails at the first byte of an answer. */
export function failingFilter(): BodyFilter {
  const response = new Transform({
    transform: (_chunk, _encoding, done) => done(new Error('the filter cannot read this')),
  })
  return { request: marking('>'), response, changesLength: false }
}

function marking(mark: string): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, `${mark}${chunk}`),
  })
}
