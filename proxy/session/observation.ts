import type { SessionEvent } from '../../core/recording/session-event.ts'

type Untimed<Event> = Event extends unknown ? Omit<Event, 'atUs'> : never

/** An event of a session, of now. Its bytes are the tunnel's own: whoever keeps them copies them. */
export type Observation = Untimed<SessionEvent>
