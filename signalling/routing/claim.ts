/** Claims of elements: the requests that they are for. Types only. */

/** A claim on requests. Every member given must match; a member with several values matches any of them. */
export interface Claim {
  readonly method: string | readonly string[]
  /** Event package names, for SUBSCRIBE and PUBLISH. */
  readonly event?: string | readonly string[]
  /** Media type of the body. */
  readonly content?: string | readonly string[]
  /** User part of the Request-URI; `''` is a URI without user. Left out: any. */
  readonly user?: string | readonly string[]
  /** Label before each of our domains, `push` for `push.example.org`. Left out: the domains themselves. */
  readonly label?: string
}
