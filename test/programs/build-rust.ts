import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePackages } from '../cluster/packages.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun, runCommand } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

/** What the oldest Rust must be that kube-rs of Cargo.lock builds with. */
const RUST_MINOR_MIN = 89
/** Debian 12's own rustc is 1.63; the packages that it keeps for browsers follow upstream. */
const PACKAGES = {
  'cargo-web': '/usr/share/doc/cargo-web',
  'rustc-web': '/usr/share/doc/rustc-web',
}
/** The crate `ring` is part C. */
const COMPILER = { gcc: '/usr/bin/gcc', 'libc6-dev': '/usr/include/stdio.h' }
const PROGRAM = 'lanyard-test-programs'
const SOURCES = ['rust/Cargo.toml', 'rust/Cargo.lock', 'rust/src/main.rs']

/** The program of kube-rs, called `client`. */
export async function buildRust(log: Log): Promise<string> {
  return ensureFolder(
    {
      name: 'rust',
      sources: SOURCES,
      recipe: 1,
      takes: 'about three minutes',
      build: async (folder) => {
        await ensurePackages(log, COMPILER)
        const cargo = await findCargo(log)
        const target = await mkdtemp(join(tmpdir(), 'lanyard-rust-'))
        try {
          await mustRun([cargo, 'build', '--release', '--locked', '--quiet'], {
            cwd: join(import.meta.dirname, 'rust'),
            env: { CARGO_TARGET_DIR: target },
          })
          await cp(join(target, 'release', PROGRAM), join(folder, 'client'))
        } finally {
          await rm(target, { recursive: true, force: true })
        }
      },
    },
    log,
  )
}

/** The machine's own cargo where it is new enough, else Debian's `cargo-web`. */
async function findCargo(log: Log): Promise<string> {
  if (await isNewEnough('cargo')) return 'cargo'
  await ensurePackages(log, PACKAGES)
  if (await isNewEnough('/usr/bin/cargo')) return '/usr/bin/cargo'
  throw new Error(
    `Cannot build the Rust program: Rust 1.${RUST_MINOR_MIN} or newer is neither on PATH nor in Debian's packages cargo-web and rustc-web`,
  )
}

async function isNewEnough(cargo: string): Promise<boolean> {
  // A command that is not there rejects; that is a no.
  const version = await runCommand([cargo, '--version']).catch(() => undefined)
  const minor = /^cargo 1\.(\d+)/.exec(version?.stdout ?? '')?.[1]
  return minor !== undefined && Number(minor) >= RUST_MINOR_MIN
}
