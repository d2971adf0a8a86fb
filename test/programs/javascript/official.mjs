/* The official JavaScript client: typed calls, an informer, exec, a followed log, a forwarded port. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import {
  CoreV1Api,
  Exec,
  KubeConfig,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node'

const [prefix, target] = process.argv.slice(2)
const namespace = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8')
const config = new KubeConfig()
config.loadFromCluster()
const core = config.makeApiClient(CoreV1Api)

const named = (name) => ({ name: `${prefix}${name}`, namespace })
const configMap = (name, data = {}) => ({ metadata: named(name), data })
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
const apply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply)

async function write() {
  await core.createNamespacedConfigMap({ namespace, body: configMap('js', { a: '1' }) })
  await core.patchNamespacedConfigMap({ ...named('js'), body: { data: { b: '2' } } }, merge)
  const body = { apiVersion: 'v1', kind: 'ConfigMap', ...configMap('js', { c: '3' }) }
  const held = await core.patchNamespacedConfigMap(
    { ...named('js'), body, fieldManager: 'programs' },
    apply,
  )
  await core.deleteNamespacedConfigMap(named('js'))
  const status = await core.readNamespacedConfigMap(named('js')).then(
    () => 200,
    (error) => error.code,
  )
  return [held.data, status]
}

async function pages() {
  const labels = { pages: prefix }
  for (const name of ['one', 'two', 'three']) {
    const body = { metadata: { ...named(name), labels } }
    await core.createNamespacedConfigMap({ namespace, body })
  }
  const labelSelector = `pages=${prefix}`
  const sizes = []
  let following
  do {
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector,
      limit: 2,
      _continue: following,
    })
    sizes.push(page.items.length)
    following = page.metadata?._continue
  } while (following)
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector })
  return sizes
}

/** Makes, changes and deletes one object, each as soon as the step before it was heard of. */
async function changes(name, heard) {
  await core.createNamespacedConfigMap({ namespace, body: configMap(name) })
  const events = [await heard.next()]
  await core.patchNamespacedConfigMap({ ...named(name), body: { data: { a: '1' } } }, merge)
  events.push(await heard.next())
  await core.deleteNamespacedConfigMap(named(name))
  events.push(await heard.next())
  return events
}

class Heard {
  #events = new PassThrough({ objectMode: true })
  add(event) {
    this.#events.write(event)
  }
  async next() {
    if (this.#events.readableLength === 0) {
      await once(this.#events, 'readable', { signal: AbortSignal.timeout(30_000) })
    }
    return this.#events.read()
  }
}

async function watch() {
  const heard = new Heard()
  const fieldSelector = `metadata.name=${prefix}watched`
  const watcher = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { fieldSelector },
    (type) => heard.add(type),
    () => heard.add('ended'),
  )
  const events = await changes('watched', heard)
  watcher.abort()
  return events
}

async function informer() {
  const heard = new Heard()
  const list = () =>
    core.listNamespacedConfigMap({ namespace, fieldSelector: `metadata.name=${prefix}informed` })
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const own = makeInformer(config, path, list)
  const only = (type) => (object) => object.metadata.name === `${prefix}informed` && heard.add(type)
  for (const type of ['add', 'update', 'delete']) own.on(type, only(type))
  await own.start()
  const events = await changes('informed', heard)
  await own.stop()
  return events
}

async function exec() {
  const out = new PassThrough()
  const status = await new Promise((resolve, reject) => {
    new Exec(config)
      .exec(
        namespace,
        target,
        'main',
        ['sh', '-c', 'read a; echo said $a; head -c 3000000 /dev/zero; exit 7'],
        out,
        null,
        Readable.from(['hello\n']),
        false,
        resolve,
      )
      .catch(reject)
    const size = text(out)
    out.size = size
    setTimeout(() => reject(new Error('no status')), 40_000).unref()
  })
  out.end()
  const said = await out.size
  return [said.slice(0, 11), said.length, status.reason, status.details?.causes?.[0]?.message]
}

async function log() {
  const lines = new PassThrough()
  await new Log(config).log(namespace, target, 'main', lines, { follow: true })
  const [first] = await once(lines, 'data', { signal: AbortSignal.timeout(20_000) })
  return String(first).split('\n')[0]
}

async function forward() {
  const tunnel = new PortForward(config)
  const server = createServer((socket) => {
    tunnel
      .portForward(namespace, target, [8080], socket, null, socket)
      .catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`)
  const size = (await answer.arrayBuffer()).byteLength
  server.close()
  return size
}

const seen = {}
for (const [name, step] of Object.entries({ write, pages, watch, informer, exec, log, forward })) {
  seen[name] = await step().catch((error) => `failed: ${error.stack ?? error}`)
}
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0))
