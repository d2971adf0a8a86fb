import { join } from 'node:path'
import { allow, deny } from '../support/fake-control-plane.ts'
import { startSidecarFixture } from '../support/sidecar-fixture.ts'

/*
 * A sidecar to work on: the real process between a fake API server, which answers `{}`, and a fake
 * control plane, which refuses deletes. `npm run dev` starts all three again when a source changes.
 */

const LISTEN_PORT = '16443'
const PRINT_EVERY_MS = 100

const fixture = await startSidecarFixture({ LANYARD_LISTEN_PORT_NUMBER: LISTEN_PORT })
fixture.controlPlane.decide(({ attributes }, id) =>
  attributes?.verb === 'delete' ? deny(id) : allow(id),
)

const folder = join(fixture.directory, 'state', 'containers', 'app')
process.stdout.write(`A sidecar listens on https://127.0.0.1:${LISTEN_PORT}. Call it as the container "app":

  curl --cacert ${join(folder, 'ca.crt')} -H "Authorization: Bearer $(cat ${join(folder, 'token')})" \\
    https://127.0.0.1:${LISTEN_PORT}/api/v1/namespaces/team/pods
`)

const printing = setInterval(() => {
  for (const line of fixture.logLines.splice(0)) process.stdout.write(line)
}, PRINT_EVERY_MS)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(printing)
    void fixture.close()
  })
}
