const MEBIBYTE = 1_024 * 1_024

/** Whole mebibytes, rounded up, as a person reads them: `9,216`. */
export function mebibytes(bytes: number): string {
  return Math.ceil(bytes / MEBIBYTE).toLocaleString('en')
}
