/**
 * What came through a tunnel has no one meaning. The message says what was found, as the end of a sentence that begins
 * with who sent it.
 */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}
