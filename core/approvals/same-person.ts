import type { UserInfo } from '../kubernetes/user-info.ts'

/** Last segments of the keys of `extra` whose values tell who somebody is, in the words of identity providers. */
const IDENTIFYING = new Set([
  ...['sub', 'subject', 'oid', 'uid', 'user-id', 'userid', 'user_id', 'employee-id', 'employeeid'],
  ...['email', 'emails', 'mail', 'upn', 'username', 'preferred_username', 'preferred-username'],
  // One credential is one person, whatever name it goes by.
  'credential-id',
])

/**
 * Whether two users may be one person: by the name, by the UID, or by what their `extra` tells of a person. Letters in
 * another case are no other person. It errs towards yes: two people who are taken for one need a third.
 */
export function isSamePerson(one: UserInfo, other: UserInfo): boolean {
  const names = namesOf(one)
  return namesOf(other).some((name) => names.includes(name))
}

/** Every name that a person goes by. */
function namesOf({ username, uid, extra }: UserInfo): readonly string[] {
  const told = Object.entries(extra).flatMap(([key, values]) =>
    IDENTIFYING.has(lastSegment(key)) ? values : [],
  )
  return [username, uid, ...told].map(folded).filter((name) => name !== '')
}

function lastSegment(key: string): string {
  return key.toLowerCase().split(/[/.:]/).at(-1) ?? ''
}

function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}
