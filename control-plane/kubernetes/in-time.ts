/** Rejects with an Error when `asked` has not settled after so many milliseconds. `what` names it. */
export async function inTime<Answer>(
  asked: Promise<Answer>,
  ms: number,
  what: string,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the ${what} was not answered in ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}
