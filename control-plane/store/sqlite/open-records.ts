/** Where a decision is in the log, and whose it is. */
export interface DecisionPlace {
  readonly sequence: number
  readonly podUid: string
}

/**
 * More than are open at any moment. What was forgotten is looked for in the table, which costs as much as
 * the rest of what is done for an outcome.
 */
const PLACES_MAX = 32_768

/**
 * Places of decisions of which no outcome is on record. It may forget, and never holds one that has an
 * outcome: whoever writes changes it within the transaction, and clears it when that fails.
 */
export class OpenRecords {
  readonly #places = new Map<string, DecisionPlace>()

  get size(): number {
    return this.#places.size
  }

  add(id: string, place: DecisionPlace): void {
    if (this.#places.size >= PLACES_MAX) {
      const [oldest] = this.#places.keys()
      if (oldest !== undefined) this.#places.delete(oldest)
    }
    this.#places.set(id, place)
  }

  find(id: string): DecisionPlace | undefined {
    return this.#places.get(id)
  }

  close(id: string): void {
    this.#places.delete(id)
  }

  clear(): void {
    this.#places.clear()
  }
}
