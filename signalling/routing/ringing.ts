/** Calls that nobody has answered, by caller: each holds a transaction on both sides for minutes. */
import type { SipRequest } from '../messages/message.ts'
import { canonical } from '../messages/uri.ts'
import type { Flow } from '../transports/transport.ts'

const ofOne = 100 // of one identity
const ofPlace = 1000 // of all callers at one address for whom nobody vouches

export class Ringing {
  private readonly calls = new Map<string, number>()

  /** False: that caller has as many as may be. */
  enter(caller: string): boolean {
    const count = this.calls.get(caller) ?? 0
    if (count >= (caller.startsWith('at ') ? ofPlace : ofOne)) return false
    this.calls.set(caller, count + 1)
    return true
  }
  leave(caller: string): void {
    const count = this.calls.get(caller) ?? 0
    if (count > 1) this.calls.set(caller, count - 1)
    else this.calls.delete(caller)
  }
}

/**
 * @param asserted the caller, vouched for by the forwarding element
 */
export function callerOf({ asserted: claimed, from }: SipRequest, flow: Flow, asserted: string | undefined): string {
  if (asserted !== undefined && asserted !== '') return asserted
  return flow.trusted ? canonical((claimed[0] ?? from).uri) : `at ${flow.remote.host}`
}
