/** At most `max` lines, and a last one that says how many more there are. */
export function shortenLines(lines: readonly string[], max: number): readonly string[] {
  const rest = lines.length - max
  return rest > 0 ? [...lines.slice(0, max), `… and ${rest} more`] : lines
}
