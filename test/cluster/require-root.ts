/**
 * Throws unless this is root, with what to do: whoever is not may not even ask, and would be told
 * that nothing runs.
 */
export function requireRoot(uid = process.getuid?.()): void {
  if (uid === 0) return
  throw new Error('Everything of a cluster belongs to root: run this as root, such as with sudo')
}
