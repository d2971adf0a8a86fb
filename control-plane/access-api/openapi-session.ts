import { listOf, type Ref, top } from './openapi-kinds.ts'
import { flag, integer, list, object, type Schema, text, time } from './schema-parts.ts'

/** Definitions of what stands in a Session, by their kind; `ref` refers to one of them. */
function sessionDefinitions(
  ref: (kind: string, description?: string) => Schema,
): Record<string, Schema> {
  return {
    SessionSpec: object('Who opened the session, into what.', {
      pod: text('Name of the pod that asked; its namespace is the one of this object.'),
      podUid: text('UID of the pod that asked.'),
      rootRequester: text('User name of who started the chain of the pod.'),
      subresource: text('What was asked for: exec, attach or portforward; empty when imported.'),
      targetNamespace: text('Namespace of the pod that was reached into.'),
      target: text('Name of the pod that was reached into.'),
      container: text('Container that was named; empty when none was.'),
      command: list('Arguments of an exec, as the record of the decision holds them.', {
        type: 'string',
      }),
      terminal: flag('Whether a terminal was asked for.'),
      ports: list('Ports of a port-forward that names them.', integer('A port.')),
      protocol: text('Protocol of the tunnel.'),
      level: {
        ...text('What is recorded: what comes out, or what is typed too.'),
        enum: ['output', 'all'],
      },
      imported: ref('SessionImport', 'Of a session that was recorded elsewhere.'),
    }),
    SessionImport: object('Who brought a session that was recorded elsewhere.', {
      by: text('User name of who brought it.'),
      at: time('When.'),
      source: text('Where it comes from, in the words of who brought it.'),
      format: text('Format of the file.'),
      bytes: integer('Bytes of the file.'),
      sha256: text('SHA-256 of the file, in hexadecimal.'),
      told: ref('SessionTold', 'What the file says of itself; nobody has checked it.'),
    }),
    SessionTold: object('What the header of a file says. Nobody has checked it.', {
      recordedAt: time('When it was recorded.'),
      user: text('Who opened the session.'),
      node: text('Where the user was.'),
      namespace: text('Namespace of the pod that was reached into.'),
      pod: text('Name of that pod.'),
      container: text('Its container.'),
      command: text('What ran.'),
      title: text('Title.'),
      sessionType: text('What was asked for, such as exec.'),
    }),
    SessionStatus: object('How the session is.', {
      phase: { ...text('Whether it is being recorded.'), enum: ['Live', 'Ended'] },
      beganAt: time('When it began.'),
      endedAt: time('When it ended.'),
      ending: text('How it ended, such as finished, cut, revoked, lost or interrupted.'),
      reason: text('Why it ended; absent when there is nothing to add.'),
      durationMs: integer('Milliseconds until its last event.'),
      bytes: integer('Bytes of its events.'),
      storedBytes: integer('What they take once they are compressed.'),
      digests: list('SHA-256, in hexadecimal, of each compressed segment.', { type: 'string' }),
      reviewedBy: text('User name of who marked it as reviewed last.'),
      reviewedAt: time('When.'),
      readers: list('Who read the recording.', ref('SessionReader')),
    }),
    SessionReader: object('Somebody who read a recording.', {
      username: text('User name.'),
      firstAt: time('When first.'),
      lastAt: time('When last.'),
      reads: integer('How often.'),
    }),
  }
}

/** The kind, and what stands in it. */
export function sessionKinds(ref: Ref): Record<string, Schema> {
  return {
    ...sessionDefinitions(ref),
    Session: top('Session', 'A session through a tunnel that is or was recorded.', {
      metadata: ref('ObjectMeta', 'Its name is the id of its decision in lower case.'),
      spec: ref('SessionSpec', 'Who opened the session, into what.'),
      status: ref('SessionStatus', 'How the session is.'),
    }),
    SessionList: listOf('Session', ref),
  }
}
