import { GRANT_PHASES, REQUEST_PHASES } from '../../core/approvals/access-request.ts'
import { SCOPES } from '../../core/approvals/approval.ts'
import { listOf, type Ref, top } from './openapi-kinds.ts'
import { flag, integer, list, object, type Schema, text, time } from './schema-parts.ts'

const TEXTS = { type: 'string' }
const SCOPE = {
  ...text('These bytes once, this command in this pod, or whatever the rule holds back.'),
  enum: SCOPES,
}
const CLOSING = {
  closedAt: time('When it came to its end.'),
  closedBy: text('User name of who ended it; absent when time did.'),
  closingReason: text('Why.'),
}

/** The kinds of approvals, and what stands in them. */
export function accessRequestKinds(ref: Ref): Record<string, Schema> {
  return {
    AccessRequestSpec: object('What is to be sent, for whom, and who may approve.', {
      ...whoAsks(ref),
      ...whatIsAsked(ref),
      digest: text('SHA-256, in hexadecimal, of all that is approved. An approval names it.'),
      rules: list('Rules that ask for an approval; each must have it.', ref('HeldRule')),
      reason: text('In the words of the caller. Nobody has checked them.'),
      decision: text('Name of the AuditEvent of the decision that held it.'),
      expiresAt: time('From when on nobody may answer.'),
    }),
    HeldRule: object('A rule that asks for an approval.', {
      name: text('AccessPolicy and rule.'),
      principal: text('User name of the principal whose rule it is.'),
      approvers: list(
        'Who may approve; empty for nobody else than breakGlass lets.',
        ref('Approver'),
      ),
      breakGlass: flag('Whether who asks may approve too, with a reason and an alarm.'),
      minimum: integer('How many different people have to approve.'),
      reasonRequired: flag('Whether an approval needs a reason.'),
      widestScope: { ...SCOPE, description: 'The widest scope that may be approved.' },
      durationSeconds: integer('How long a grant lives, in seconds.'),
    }),
    Approver: object('Somebody who may approve.', {
      kind: { ...text('What the name is of.'), enum: ['User', 'Group'] },
      name: text('Exact name.'),
    }),
    TargetObject: object('The object that the request changes, as it was when it was held.', {
      uid: text('Its UID. Another object of the same name is held again.'),
      resourceVersion: text('Its version.'),
    }),
    AccessRequestStatus: object('How it was answered.', {
      phase: { ...text('Pending until one of the others, which stays.'), enum: REQUEST_PHASES },
      reviews: list('What people have said.', ref('Review')),
      ...CLOSING,
      grant: text('Name of the AccessGrant of an approved one.'),
    }),
    Review: object('What one person has said.', {
      answer: { ...text('Approve or Deny.'), enum: ['Approve', 'Deny'] },
      by: text('User name.'),
      at: time('When.'),
      scope: SCOPE,
      reason: text('Why; absent when none was given.'),
    }),
    AccessRequest: top(
      'AccessRequest',
      'A request of a pod that waits for an approval, or did. The control plane makes it; people answer by its subresources approve, deny and cancel.',
      {
        metadata: ref('ObjectMeta', 'Its name is an id in lower case.'),
        spec: ref('AccessRequestSpec', 'What is to be sent, for whom, and who may approve.'),
        status: ref('AccessRequestStatus', 'How it was answered.'),
      },
    ),
    AccessRequestList: listOf('AccessRequest', ref),
    ...contentKinds(ref),
    ...grantKinds(ref),
  }
}

function whoAsks(ref: Ref): Record<string, Schema> {
  return {
    pod: text('Name of the pod that asks; its namespace is the one of this object.'),
    podUid: text('UID of that pod.'),
    container: text('Its container that asks.'),
    serviceAccount: text('Its service account.'),
    rootRequester: text('User name of who started the chain of the pod.'),
    chain: ref('DelegationChain', 'For whom the pod acts, and through whom.'),
    impersonatedUser: ref('Requester', 'As whom the pod wants to act. Absent when as itself.'),
  }
}

function whatIsAsked(ref: Ref): Record<string, Schema> {
  return {
    verb: text('Verb of the request.'),
    alsoVerbs: list('Verbs that have to be allowed as well.', TEXTS),
    apiGroup: text('API group that is asked for.'),
    resource: text('Resource that is asked for; empty for a path that is none.'),
    subresource: text('Subresource that is asked for.'),
    namespace: text('Namespace that is asked for.'),
    name: text('Name of the object that is asked for.'),
    path: text('Path of the request, without its query.'),
    exec: ref('Exec', 'Of an exec or attach: what is to run, and how.'),
    portForward: ref('PortForward', 'Of a port-forward: to which ports.'),
    method: text('HTTP method; empty for a tunnel.'),
    target: text('Path with query as it is sent; empty for an exec or attach.'),
    contentType: text('Media type of the body.'),
    bodyBytes: integer('Bytes of the body. Its text is in the subresource content.'),
    bodySha256: text('SHA-256 of the body, in hexadecimal.'),
    object: ref('TargetObject', 'Absent where the request has no single existing object.'),
  }
}

function contentKinds(ref: Ref): Record<string, Schema> {
  return {
    AccessRequestBody: object('The body that is to be sent.', {
      encoding: { ...text('How value is written.'), enum: ['text', 'base64'] },
      value: text('The whole body.'),
      bytes: integer('Its bytes.'),
      sha256: text('Its SHA-256, in hexadecimal.'),
    }),
    Offers: object('What the user who reads this may do about the request.', {
      approve: list('Scopes that they may approve, narrowest first.', SCOPE),
      deny: flag('Whether they may deny it.'),
      cancel: flag('Whether they may cancel it.'),
      reasonRequired: flag('Whether an approval needs a reason.'),
      why: text('Why something is not offered; empty when all is.'),
    }),
    AccessRequestContent: top('AccessRequestContent', 'What exactly is to be sent.', {
      metadata: ref('ObjectMeta', 'Of the AccessRequest.'),
      canonical: text('RFC 8785 JSON of all that is approved; its SHA-256 is digest.'),
      digest: text('SHA-256 of canonical, in hexadecimal.'),
      body: ref('AccessRequestBody', 'The body that is to be sent.'),
      offers: ref('Offers', 'What the user who reads this may do about the request.'),
    }),
  }
}

function grantKinds(ref: Ref): Record<string, Schema> {
  return {
    AccessGrantSpec: object('What is allowed, to whom, for how long.', {
      request: text('Name of the AccessRequest.'),
      scope: SCOPE,
      pod: text('Name of the pod that asked; its namespace is the one of this object.'),
      rootRequester: text('User name of who started the chain of the pod.'),
      rules: list('Rules that it satisfies.', TEXTS),
      approvedBy: list('User names of who approved.', TEXTS),
      breakGlass: flag('Whether who asked gave it to themself.'),
      expiresAt: time('From then on it allows nothing, and what it opened is cut.'),
      usesMax: integer('How many requests may pass; absent for any number.'),
    }),
    AccessGrantStatus: object('How far it was used.', {
      phase: {
        ...text(
          'Used lets nothing more through; what it opened stays open until it expires. Others are no objects any more.',
        ),
        enum: GRANT_PHASES,
      },
      uses: integer('How many requests it has let through.'),
      lastUsedAt: time('When last.'),
      ...CLOSING,
    }),
    AccessGrant: top('AccessGrant', 'What an approval allows. To delete it is to revoke it.', {
      metadata: ref('ObjectMeta', 'Its name is an id in lower case.'),
      spec: ref('AccessGrantSpec', 'What is allowed, to whom, for how long.'),
      status: ref('AccessGrantStatus', 'How far it was used.'),
    }),
    AccessGrantList: listOf('AccessGrant', ref),
  }
}
