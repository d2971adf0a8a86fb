/**
 * Messages that one batch may hold. The longest that both sides write have some 20 KiB, and a gRPC
 * message may have 1 MiB.
 */
export const BATCH_MESSAGES_MAX = 32

export interface BatchWriterOptions<Message> {
  /** Writes one message and calls back when the stream has taken it. */
  readonly write: (message: Message, onTaken: () => void) => void
  readonly toBatch: (messages: Message[]) => Message
  /** Told how many messages the stream has taken. */
  readonly onTaken?: (messages: number) => void
}

export interface BatchWriter<Message> {
  /** Messages arrive in the order in which they were given. */
  write(message: Message): void
  /** Calls back once nothing waits to be taken; never when the stream dies first. */
  whenIdle(callback: () => void): void
}

/**
 * Writes to a gRPC stream what is ready at the same time as one message. grpc-js hands the socket one
 * message at a time and waits for it: under load, most of what a message costs is that.
 */
export function createBatchWriter<Message>(
  options: BatchWriterOptions<Message>,
): BatchWriter<Message> {
  const waiting: Message[] = []
  /** A write is under way, or comes at the end of this turn. */
  let busy = false
  let onIdle: (() => void) | undefined

  function flush(): void {
    const [first, ...others] = waiting.splice(0, BATCH_MESSAGES_MAX)
    if (first === undefined) {
      busy = false
      const callback = onIdle
      onIdle = undefined
      callback?.()
      return
    }
    const message = others.length === 0 ? first : options.toBatch([first, ...others])
    options.write(message, () => {
      options.onTaken?.(1 + others.length)
      flush()
    })
  }

  return {
    write(message) {
      waiting.push(message)
      if (busy) return
      busy = true
      // Whatever else this turn has to say goes with it.
      process.nextTick(flush)
    },
    whenIdle(callback) {
      if (busy) onIdle = callback
      else callback()
    },
  }
}
