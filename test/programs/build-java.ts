import { cp, mkdir, realpath, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensurePackages } from '../cluster/packages.ts'
import type { Log } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

const JAVAC = '/usr/bin/javac'
const PACKAGES = { 'default-jdk-headless': JAVAC, maven: '/usr/bin/mvn' }
/** The release that Debian 12's JDK compiles for. */
const RELEASE = '17'
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const SOURCE = 'java/Fabric8.java'
/** One with OkHttp, whose watches are WebSockets, and one with the client's own choice. */
const VARIANTS = ['fabric8-okhttp', 'fabric8-vertx']

/** A Java runtime in `jre`, and for each variant of fabric8 its `lib` and our `classes`. */
export async function buildJava(log: Log): Promise<string> {
  const poms = VARIANTS.map((name) => `java/${name}.xml`)
  return ensureFolder(
    {
      name: 'java',
      sources: [SOURCE, ...poms],
      recipe: 1,
      takes: 'about a minute',
      build: async (folder) => {
        await ensurePackages(log, PACKAGES)
        await linkRuntime(join(folder, 'jre'))
        for (const name of VARIANTS) await compile(join(folder, name), `java/${name}.xml`)
      },
    },
    log,
  )
}

/** jlink makes a runtime of the modules alone: a fifth of the JDK. */
async function linkRuntime(output: string): Promise<void> {
  const jlink = join(dirname(await realpath(JAVAC)), 'jlink')
  const without = ['--strip-debug', '--no-header-files', '--no-man-pages']
  const modules = 'java.se,jdk.unsupported,jdk.crypto.ec'
  await mustRun([jlink, '--add-modules', modules, ...without, '--output', output])
}

async function compile(folder: string, pom: string): Promise<void> {
  const project = join(folder, 'project')
  await mkdir(project, { recursive: true })
  // Maven writes beside the pom.
  await cp(join(import.meta.dirname, pom), join(project, 'pom.xml'))
  const lib = join(folder, 'lib')
  await mustRun(['/usr/bin/mvn', '-q', '-B', COPY, `-DoutputDirectory=${lib}`], { cwd: project })
  const source = join(import.meta.dirname, SOURCE)
  const classes = join(folder, 'classes')
  await mustRun([JAVAC, '--release', RELEASE, '-cp', `${lib}/*`, '-d', classes, source])
  await rm(project, { recursive: true })
}
