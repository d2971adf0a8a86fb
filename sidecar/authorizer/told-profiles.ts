import { type MaskDefinition, maskNameOf } from '../../core/masking/mask-profile.ts'

const NONE: readonly MaskDefinition[] = []

/** What the control plane has told over one stream of MaskProfiles: of each name the definition that came last. */
export class ToldProfiles {
  readonly #byName = new Map<string, MaskDefinition>()

  /** Keeps what an answer tells; returns the definitions of those that it names, as far as they are known. */
  take(told: readonly MaskDefinition[], named: readonly string[]): readonly MaskDefinition[] {
    for (const { id, definition } of told) this.#byName.set(maskNameOf(id), { id, definition })
    if (this.#byName.size === 0) return NONE
    return named.flatMap((id) => {
      const known = this.#byName.get(maskNameOf(id))
      return known?.id === id ? [known] : []
    })
  }
}
