import type { IncomingHttpHeaders } from 'node:http'
import { Fault } from '../../core/fault.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { MaskedAnswer, type OpenedMask } from '../masking/masked-answer.ts'
import type { TunnelMask, TunnelMaskOptions } from '../masking/tunnel-mask.ts'
import { writesArchive } from '../session/file-watch.ts'

const NO_COPY =
  'credentials are hidden in what commands of this pod write, and an archive (kubectl cp, tar) would come damaged where bytes are hidden: read single files as text, or have the policy changed so that masks of text do not hold for pods/exec'

/** Hides values in what comes back of one upgrade: in the output of an exec or attach, or in an ordinary answer. */
export class TunnelMasking {
  readonly #options: Omit<TunnelMaskOptions, 'headers'>
  readonly #Mask: typeof TunnelMask
  #hiding: TunnelMask | MaskedAnswer | undefined

  private constructor(options: Omit<TunnelMaskOptions, 'headers'>, Mask: typeof TunnelMask) {
    this.#options = options
    this.#Mask = Mask
  }

  /**
   * Loads what reads tunnels: most pods never open one. Throws `permission_denied` for a command that writes an archive:
   * a value that is hidden in it would damage the files, and nobody would be told.
   */
  static async load({ request }: Permit, mask: MaskOrder): Promise<TunnelMasking> {
    const { TunnelMask: Mask } = await import('../masking/tunnel-mask.ts')
    const { attributes } = request.info
    if (writesArchive(attributes.exec?.command ?? [])) throw new Fault('permission_denied', NO_COPY)
    const protocol = request.protocol.toLowerCase()
    return new TunnelMasking({ mask, attributes, protocol }, Mask)
  }

  /** The API server has upgraded, with these headers. Throws for a protocol whose output cannot be masked. */
  begin(headers: IncomingHttpHeaders): TunnelMask {
    const hiding = new this.#Mask({ ...this.#options, headers })
    this.#hiding = hiding
    return hiding
  }

  /** The API server has answered otherwise. Throws for a form that cannot be masked. */
  answer(httpStatus: number, headers: readonly string[]): OpenedMask {
    const { mask, attributes } = this.#options
    const hiding = new MaskedAnswer({ mask, attributes, isYaml: false, sentAhead: false })
    this.#hiding = hiding
    return hiding.open(httpStatus, headers)
  }

  /** How many values were hidden so far, by mask. */
  counts(): ReadonlyMap<string, number> {
    return this.#hiding?.counts() ?? new Map()
  }
}
