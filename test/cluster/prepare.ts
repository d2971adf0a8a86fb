import { ensureBinaries } from './binaries.ts'
import { chosenKubernetes, parseKubernetesVersion } from './kubernetes-versions.ts'
import { ensurePackages } from './packages.ts'

/*
 * Installs and builds whatever clusters need, so that tests find it, one version after the other:
 *   node test/cluster/prepare.ts [VERSION ...]
 */

const log = (line: string) => console.error(line)
const versions = process.argv.slice(2).map(parseKubernetesVersion)
await ensurePackages(log)
for (const version of versions.length > 0 ? versions : [chosenKubernetes()]) {
  await ensureBinaries(version, log)
}
