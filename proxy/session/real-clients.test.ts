import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { observeBytes, type Passed, told } from '../../test/support/observe-bytes.ts'
import { ROOT } from '../../test/support/repository-files.ts'
import type { TunnelKind } from './observe-tunnel.ts'

/* What real clients and a real API server said to each other, after the 101, in the pieces in which it came. */

interface Transcript {
  readonly name: string
  readonly kind: TunnelKind
  readonly passed: readonly (readonly ['caller' | 'server', string])[]
  readonly told: readonly unknown[]
}

const text = readFileSync(join(ROOT, 'test/corpus/tunnels.json'), 'utf8')
const transcripts = JSON.parse(text) as readonly Transcript[]

test.each(transcripts.flatMap((one) => [1, 5, 100_000].map((size) => ({ ...one, size }))))(
  'observeTunnel reads $name in pieces of $size bytes',
  ({ kind, passed, size, told: expected }) => {
    const bytes = passed.map(([way, base64]): Passed => [way, Buffer.from(base64, 'base64')])
    const { events, observer } = observeBytes(kind, bytes, size)
    observer.finish()
    expect(told(events)).toEqual(expected)
  },
)
