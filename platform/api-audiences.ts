import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../core/fault.ts'

const claims = z.object({ aud: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]) })

/**
 * The audiences that the API server accepts, as the injector's own token names them: a token that
 * was asked for without an audience gets all of them. Throws `config_invalid` for a token that
 * does not say.
 */
export async function readApiAudiences(serviceAccountFolder: string): Promise<readonly string[]> {
  const token = await readFile(join(serviceAccountFolder, 'token'), 'utf8')
  const { aud } = parseClaims(token)
  return typeof aud === 'string' ? [aud] : aud
}

function parseClaims(token: string): z.infer<typeof claims> {
  const [, payload = ''] = token.split('.')
  try {
    return claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  } catch {
    // Converted, without its cause: that would quote the token.
    throw new Fault('config_invalid', "The injector's own token names no audience")
  }
}
