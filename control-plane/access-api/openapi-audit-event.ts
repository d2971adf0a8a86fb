import { flag, integer, list, object, text, time } from './schema-parts.ts'

/** Schema of what became of a request. */
export const AUDIT_EVENT_STATUS = object('What became of the request.', {
  phase: {
    ...text('Open until the request ended, and for ever when its sidecar died.'),
    enum: ['Open', 'Complete'],
  },
  httpStatus: integer('HTTP status that the pod got; 0 when the connection ended without one.'),
  fault: text('Why the request failed in Lanyard; empty when it did not.'),
  responseBytes: integer('Bytes of the response body.'),
  withheld: flag(
    "Whether the API server's answer to a request that was sent ahead was thrown away.",
  ),
  masked: list(
    'How many values of the answer were hidden, by mask; absent when none.',
    object('Hidden values.', {
      mask: text('Name of the mask.'),
      values: integer('How many values it has hidden.'),
    }),
  ),
  completedAt: time('When the request ended.'),
  accessChanges: list(
    'What became of the access requests that a hold has led to, oldest first.',
    object('A change of an access request, or of its grant.', {
      at: time('When it happened.'),
      change: text('Such as requested, approved, denied, granted or revoked.'),
      request: text('Name of the access request.'),
      by: text('User name of who did it; absent when time alone did.'),
      reason: text('Why, in the words of who did it.'),
      grant: text('Name of the access grant, where there is one.'),
      scope: text('How much is approved: request, command or rule.'),
      digest: text('SHA-256, in hexadecimal, of what is approved.'),
      breakGlass: flag('Whether a requester answered for themself.'),
    }),
  ),
})
