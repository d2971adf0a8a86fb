/** What the header of a file says of its session. Nobody has checked any of it. */
export interface ToldByFile {
  /** RFC 3339. */
  readonly recordedAt?: string
  readonly user?: string
  readonly node?: string
  readonly namespace?: string
  readonly pod?: string
  readonly container?: string
  readonly command?: string
  readonly title?: string
  /** Such as `exec`. */
  readonly sessionType?: string
}

/** A session that was recorded elsewhere: who brought it, and from where. */
export interface SessionImport {
  /** Its own; of no decision. */
  readonly id: string
  readonly namespace: string
  readonly username: string
  readonly atMs: number
  /** Where it comes from, in the words of who brought it. */
  readonly source: string
  /** Version of asciicast. */
  readonly format: 2 | 3
  /** Of the file. */
  readonly bytes: number
  /** Of the file, in hexadecimal. */
  readonly sha256: string
  readonly told: ToldByFile
}
