const PLAIN = /^[\w@%+=:,./-]+$/

/** One argument as a shell takes it. */
export function shellWord(argument: string): string {
  return PLAIN.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}
