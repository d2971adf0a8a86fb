import { createCommitQueue } from '../../control-plane/store/sqlite/commit-queue.ts'
import { type Database, openDatabase } from '../../control-plane/store/sqlite/database.ts'
import { createSqlitePodBindingStore } from '../../control-plane/store/sqlite/pod-binding-store.ts'
import { RecordWriter } from '../../control-plane/store/sqlite/record-writer.ts'
import { AGENT, aBinding, aDecision } from './record-builders.ts'

/** A database in memory with the decisions 1 to 3 of the agent, and what writes more. */
export async function openThreeDecisions(): Promise<{
  readonly database: Database
  readonly writer: RecordWriter
}> {
  const database = await openDatabase(':memory:')
  const queue = createCommitQueue(database)
  const bindings = createSqlitePodBindingStore(database, queue, { id: 'c', name: '' })
  await bindings.record(aBinding([AGENT]))
  const writer = new RecordWriter(database, queue)
  for (const number of [1, 2, 3]) await writer.append(aDecision(number))
  return { database, writer }
}
