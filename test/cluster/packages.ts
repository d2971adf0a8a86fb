import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

/** Debian packages of the cluster, each with a file that tells whether it is there. */
const PACKAGES: Readonly<Record<string, string>> = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: '/usr/sbin/iptables',
  iproute2: '/usr/sbin/ip',
  'util-linux': '/usr/bin/unshare',
  'busybox-static': '/bin/busybox',
  curl: '/usr/bin/curl',
  'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
  python3: '/usr/bin/python3',
  'python3-pip': '/usr/lib/python3/dist-packages/pip',
  'python3-venv': '/usr/share/doc/python3-venv',
}

const POLICY = '/usr/sbin/policy-rc.d'

/** Installs what is missing. Needs root on Debian; starts no service of the packages. */
export async function ensurePackages(log: Log): Promise<void> {
  const missing = Object.keys(PACKAGES).filter((name) => !existsSync(PACKAGES[name] ?? ''))
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`Cannot install ${missing.join(' ')}: this needs root on Debian 12`)
  }
  await withProgress(log, `Installing Debian packages: ${missing.join(' ')}`, () =>
    install(missing),
  )
}

/** While policy-rc.d says 101, dpkg starts no service: the machine's own work stays untouched. */
async function install(names: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const own = !existsSync(POLICY)
  if (own) {
    await writeFile(POLICY, '#!/bin/sh\nexit 101\n')
    await chmod(POLICY, 0o755)
  }
  try {
    await mustRun(['apt-get', 'update', '-q'], { env })
    await mustRun(['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...names], { env })
  } finally {
    if (own) await rm(POLICY, { force: true })
  }
}
