import { INSTALL_HINT, NOT_INSTALLED } from '../../api/client/request-fault.ts'
import { escapeText } from '../../core/escape-text.ts'
import { Fault } from '../../core/fault.ts'
import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'

/** Everyone who is logged in may read it; its version is that of the control plane. */
const API_DOCUMENT = `/openapi/v3/apis/${ACCESS_GROUP}/${ACCESS_VERSION}`

interface Versions {
  readonly clientVersion: string
  readonly serverVersion?: string
}

/** `version`: this program and, unless `clientOnly`, the control plane. 1 when that one is not told. */
export async function runVersion(context: CommandContext, clientOnly: boolean): Promise<number> {
  if (clientOnly) {
    show(context, { clientVersion: context.version })
    return 0
  }
  try {
    show(context, { clientVersion: context.version, serverVersion: await readServer(context) })
    return 0
  } catch (error) {
    // What is known is told first, as by kubectl.
    show(context, { clientVersion: context.version })
    throw error
  }
}

async function readServer({ client }: CommandContext): Promise<string> {
  const { info } = await client
    .get<{ info?: { version?: unknown } }>(API_DOCUMENT)
    .catch((error: unknown) => {
      const fault = Fault.from(error)
      if (fault.code !== 'not_found') throw fault
      throw new Fault('not_found', `${NOT_INSTALLED}: ${INSTALL_HINT}`, { cause: error })
    })
  if (typeof info?.version === 'string') return info.version.replace(/^v/, '')
  throw new Fault('upstream_unavailable', 'The API of Lanyard does not tell its version')
}

function show({ terminal, output }: CommandContext, versions: Versions): void {
  const { clientVersion, serverVersion } = versions
  if (output === 'json') terminal.out(toJson(versions))
  else if (output === 'yaml') terminal.out(toYaml(versions))
  else {
    terminal.out(`Client Version: ${escapeText(clientVersion)}\n`)
    if (serverVersion !== undefined) {
      terminal.out(`Server Version: ${escapeText(serverVersion)}\n`)
    }
  }
}
