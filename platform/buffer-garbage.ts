import type { Collector } from './collect-garbage.ts'

/**
 * Collects young garbage each time that so many bytes have passed in buffers. V8 looks for garbage when there are many
 * new objects, and collects all of it, young and old, when there are many bytes outside of its heap. Where bytes pour
 * through few objects that would take half of the CPU.
 */
export class BufferGarbage {
  readonly #collect: Collector
  readonly #everyBytes: number
  #bytes = 0

  constructor(collect: Collector, everyBytes: number) {
    this.#collect = collect
    this.#everyBytes = everyBytes
  }

  /** So many bytes more have passed. */
  passed(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < this.#everyBytes) return
    this.#bytes = 0
    this.#collect('minor')
  }
}
