import { openStore } from '../../control-plane/store/open-store.ts'

/*
 * Opens the file that the first argument names, in a process of its own, and says as JSON how long that took
 * and how much memory it had before and at most.
 */

const [path = ''] = process.argv.slice(2)
const before = process.memoryUsage.rss()
let most = before
const began = performance.now()
const store = await openStore(path, {
  onMigration: () => {
    most = Math.max(most, process.memoryUsage.rss())
  },
})
const seconds = (performance.now() - began) / 1_000
await store.close()
process.stdout.write(JSON.stringify({ seconds, before, most }))
