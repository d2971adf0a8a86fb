import { ensureBinaries } from './binaries.ts'
import { ensurePackages } from './packages.ts'

/* Installs and builds whatever a cluster needs, so that tests find it: node test/cluster/prepare.ts */

const log = (line: string) => console.error(line)
await ensurePackages(log)
await ensureBinaries(log)
