import type { ScriptReader } from '../../core/commands/script.ts'

/** Each leaves half a MiB, which is given back once the event loop runs something else. */
const SCRIPTS_MAX = 200
const TOO_MANY = 'too many scripts are read at the same time; send them one after the other'

/** The reader, which in one turn of the event loop reads so many scripts only; of more it understands nothing. */
export function limitScripts(reader: ScriptReader): ScriptReader {
  let read = 0
  return (script) => {
    if (read === 0) {
      setImmediate(() => {
        read = 0
      })
    }
    read += 1
    return read > SCRIPTS_MAX ? TOO_MANY : reader(script)
  }
}
