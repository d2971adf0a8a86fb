import { existsSync } from 'node:fs'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installPackages } from './apt.ts'
import { withFileLock } from './file-lock.ts'
import { CACHE } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

/**
 * Debian packages of the cluster, each with a file that tells whether it is there. A file and not
 * dpkg's word: where another vendor's package brought the program, ours would evict it.
 */
const PACKAGES: Readonly<Record<string, string>> = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: '/usr/sbin/iptables',
  iproute2: '/usr/sbin/ip',
  mount: '/usr/bin/mount',
  'util-linux': '/usr/bin/unshare',
  'busybox-static': '/bin/busybox',
  curl: '/usr/bin/curl',
  'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
  python3: '/usr/bin/python3',
  'python3-pip': '/usr/lib/python3/dist-packages/pip',
  // One test lets it judge a certificate of ours, and one lets each shell complete our commands.
  openssl: '/usr/bin/openssl',
  zsh: '/usr/bin/zsh',
  fish: '/usr/bin/fish',
}

const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_TEXT =
  '#!/bin/sh\n# Made by the Lanyard test cluster while it installs packages.\nexit 101\n'

/**
 * Installs what is missing: of the cluster's packages, or of those that are given, each with a file
 * that tells whether it is there. Needs root on Debian; starts no service of the packages.
 */
export async function ensurePackages(
  log: Log,
  packages: Readonly<Record<string, string>> = PACKAGES,
): Promise<void> {
  const missingPackages = () =>
    Object.keys(packages).filter((name) => !existsSync(packages[name] ?? ''))
  if (missingPackages().length === 0 && !(await isOwnPolicyThere())) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`Cannot install ${missingPackages().join(' ')}: this needs root on Debian 12`)
  }
  const onWait = () => log('Waiting for another run that installs Debian packages')
  await withFileLock(join(CACHE, 'packages.lock'), onWait, async () => {
    // Left by a run that was killed: we hold the lock, so nobody needs it.
    await removeOwnPolicy()
    const missing = missingPackages()
    if (missing.length === 0) return
    await withProgress(log, `Installing Debian packages: ${missing.join(' ')}`, () =>
      install(missing),
    )
  })
}

/** While policy-rc.d says 101, dpkg starts no service: the machine's own work stays untouched. */
async function install(names: readonly string[]): Promise<void> {
  if (!existsSync(POLICY)) {
    await writeFile(POLICY, POLICY_TEXT)
    await chmod(POLICY, 0o755)
  }
  try {
    await installPackages(names)
    // Nor at the next boot: the cluster runs a containerd of its own.
    const systemd = names.includes('containerd') && existsSync('/usr/bin/systemctl')
    if (systemd) await mustRun(['systemctl', 'disable', 'containerd'])
  } finally {
    await removeOwnPolicy()
  }
}

/** One of the machine's own has another text, and stays. */
async function isOwnPolicyThere(): Promise<boolean> {
  return (await readFile(POLICY, 'utf8').catch(() => '')) === POLICY_TEXT
}

async function removeOwnPolicy(): Promise<void> {
  if (await isOwnPolicyThere()) await rm(POLICY, { force: true })
}
