/** A container of the pod, known by the token that only the container has. */
export interface ContainerCaller {
  readonly kind: 'container'
  readonly container: string
}

/** Who made a request. The proxy of a pod knows containers; each further kind of caller joins here. */
export type Caller = ContainerCaller

/** Tells callers apart. */
export interface Callers {
  /** Names the caller whose credential an Authorization header carries. Throws `identity_unverified`. */
  authenticate(authorization: string | undefined): Caller
}
