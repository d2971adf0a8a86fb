/** A time since the beginning of a session, in microseconds, as `1:02:03.4`. */
export function sessionClock(us: number): string {
  const tenths = Math.floor(us / 100_000)
  const seconds = Math.floor(tenths / 10)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const front = hours === 0 ? String(minutes) : `${hours}:${twoDigits(minutes % 60)}`
  return `${front}:${twoDigits(seconds % 60)}.${tenths % 10}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
