/** Linking the largest program takes about as long as this many packages on the same machine. */
const LINK_IN_PACKAGES = 60
/** Before this many, the time that one took says little about the others. */
const PACKAGES_MIN = 40

/** How far a compiler is that names each package as it begins with it. Times are in milliseconds. */
export class CompileProgress {
  readonly #total: number
  readonly #began: number
  #begun = 0

  constructor(total: number, now: number) {
    this.#total = total
    this.#began = now
  }

  begin(packages: number): void {
    this.#begun += packages
  }

  /** Such as `812 of 1743 packages, about 3 min left`: as long for each as for those until now. */
  state(now: number): string {
    if (this.#total === 0) return 'linking'
    const left = Math.max(0, this.#total - this.#begun)
    if (left === 0) return `all ${this.#total} packages begun, then linking`
    const count = `${this.#begun} of ${this.#total} packages`
    if (this.#begun < PACKAGES_MIN) return count
    const each = (now - this.#began) / this.#begun
    return `${count}, about ${minutes(each * (left + LINK_IN_PACKAGES))} left`
  }
}

/** In half minutes, upwards. */
function minutes(ms: number): string {
  return `${Math.ceil(ms / 30_000) / 2} min`
}
