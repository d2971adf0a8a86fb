/**
 * The exit code in what the error channel of an exec or attach said, a `Status`; undefined where there is none. Source:
 * client-go tools/remotecommand/v4.go, errorDecoderV4 (v1.34).
 */
export function parseExitCode(said: string): number | undefined {
  const status = parseObject(said)
  if (status['status'] === 'Success') return 0
  if (status['reason'] !== 'NonZeroExitCode') return undefined
  const { causes } = (status['details'] ?? {}) as { readonly causes?: unknown }
  if (!Array.isArray(causes)) return undefined
  const cause: unknown = causes.find(
    (one: unknown) => (one as { readonly reason?: unknown } | null)?.reason === 'ExitCode',
  )
  const text = (cause as { readonly message?: unknown } | undefined)?.message
  return typeof text === 'string' && EXIT_CODE.test(text) ? Number(text) : undefined
}

const EXIT_CODE = /^\d{1,3}$/

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // Converted: what is no Status has no code.
    return {}
  }
}
