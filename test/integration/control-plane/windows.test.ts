import { connect } from 'node:http2'
import { expect, test } from 'vitest'
import { startControlPlaneFixture } from '../../support/control-plane-fixture.ts'

test('widenWindows() lets 256 KiB of a stream and 1 MiB of a connection be on their way', async () => {
  const fixture = await startControlPlaneFixture()
  const port = fixture.address.split(':')[1]
  const session = connect(`https://localhost:${port}`, { ca: fixture.caPem })
  try {
    const wait = { timeout: 20_000 }
    await expect.poll(() => session.remoteSettings?.initialWindowSize, wait).toBe(256 * 1_024)
    await expect.poll(() => session.state.remoteWindowSize, wait).toBe(1_024 * 1_024)
  } finally {
    session.destroy()
    await fixture.close()
  }
})
