import { type ChannelCredentials, Metadata } from '@grpc/grpc-js'
import {
  AuthorizationService,
  type AuthorizeStreamResponse,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient } from '../../proto/grpc-service.ts'

type Message = AuthorizeStreamResponse['message']

/** Where a control plane is, and how to trust it. */
export type Channel = readonly [string, ChannelCredentials]

/** What a sidecar asks; the rest is a request for pods of the namespace `team`. */
export interface Question {
  readonly verb: string
  readonly name?: string
  readonly path?: string
  readonly userAgent?: string
}

/** A sidecar of a pod of one person, with its stream. */
export interface AskingSidecar {
  readonly podUid: string
  ask(question: Question): Promise<Message>
  /** The kind of the answer: `decision`, or the code of a failure. */
  askForOutcome(question: Question): Promise<string>
  close(): void
}

/** Enrols on a connection of its own; resolves with the session. */
export function enrollAt(channel: Channel, token: string): Promise<string> {
  const client = createGrpcClient(EnrolmentService, ...channel)
  return new Promise<string>((done, fail) => {
    const options = { deadline: Date.now() + 30_000 }
    client.enroll({ token }, new Metadata(), options, (error, answer) =>
      error === null ? done(answer?.session ?? '') : fail(error),
    )
  }).finally(() => client.close())
}

/** Opens the stream of a pod that has enrolled. */
export function openSidecar(channel: Channel, podUid: string, session: string): AskingSidecar {
  const client = createGrpcClient(AuthorizationService, ...channel)
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const stream = client.authorizeStream(metadata)
  const waiting = new Map<number, (message: Message) => void>()
  stream.on('data', (response: AuthorizeStreamResponse) => {
    const together = response.message.case === 'batch' ? response.message.value.messages : []
    for (const { correlation, message } of [response, ...together]) {
      waiting.get(correlation)?.(message)
      waiting.delete(correlation)
    }
  })
  const ended = (error: Error) => {
    const value = { code: 'ended', message: error.message }
    for (const tell of waiting.values()) tell({ case: 'failure', value } as Message)
  }
  stream.on('error', ended)
  let correlation = 0
  const ask = ({
    verb,
    name = '',
    path = '/api/v1/namespaces/team/pods',
    userAgent = 'app',
  }: Question): Promise<Message> => {
    correlation += 1
    const asked = correlation
    const parts = { verb, name, path, resourceRequest: true, resource: 'pods' }
    const attributes = { ...parts, apiVersion: 'v1', namespace: 'team' }
    const value = { attributes, container: 'app', userAgent }
    return new Promise((resolve) => {
      waiting.set(asked, resolve)
      stream.write({ correlation: asked, message: { case: 'authorize', value } })
    })
  }
  return {
    podUid,
    ask,
    async askForOutcome(question) {
      const { case: kind, value } = await ask(question)
      return kind === 'failure' ? value.code : (kind ?? 'nothing')
    },
    close() {
      stream.cancel()
      client.close()
    },
  }
}
