/** `2026-11-23 10:00:02` in the zone of the machine, or `2026-11-23T10:00:02Z`. */
export function formatTime(time: string, utc: boolean): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  if (utc) return date.toISOString().replace(/\.\d{3}Z$/, 'Z')
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
