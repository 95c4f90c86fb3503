/** Users who registered by digest on a connection, and the credentials that each proved (SPEC §2.5). */
import type { Flow } from '../../signalling/index.ts'

/** `credentials` names those by which the user was known; undefined: it was known otherwise. */
export interface SenderProof {
  readonly identity: string
  readonly credentials: string | undefined
}

const mostUsers = 32 // of one connection; the one that has been silent longest gives way

export class Proofs {
  private readonly users = new WeakMap<Flow, Map<string, SenderProof>>()

  add(flow: Flow, proof: SenderProof): void {
    const users = this.users.get(flow) ?? new Map<string, SenderProof>()
    users.delete(proof.identity)
    users.set(proof.identity, proof)
    if (users.size > mostUsers) users.delete(users.keys().next().value!)
    this.users.set(flow, users)
    flow.identity = proof.identity
  }
  of(flow: Flow, identity: string): SenderProof | undefined {
    return this.users.get(flow)?.get(identity)
  }
  find(flow: Flow, isIt: (proof: SenderProof) => boolean): SenderProof | undefined {
    for (const proof of this.users.get(flow)?.values() ?? []) if (isIt(proof)) return proof
    return undefined
  }
  /** The user of a connection that has one alone. */
  only(flow: Flow): SenderProof | undefined {
    const users = this.users.get(flow)
    return users?.size === 1 ? users.values().next().value : undefined
  }
  remove(flow: Flow, identity: string): void {
    const users = this.users.get(flow)
    if (users?.delete(identity) === true && users.size === 0) flow.identity = undefined
  }
}
