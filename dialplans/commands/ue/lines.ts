/** Events of a UE, as a line for people or as JSON for scripts. */
import type { Proximate, ProximateUser } from '../../../elements/schemas/index.ts'
import type { PushReceipt, UeEvent } from '../../../elements/ue/index.ts'
import { printableLine } from '../support/printable.ts'
import { type LocatedOutcome, locatedWords } from './location.ts'
import { pushWords } from './push/push-words.ts'
import { type SentMessage, sentWords } from './text-message.ts'
import { type ToldWhereabouts, whereaboutsWords } from './whereabouts.ts'

export type UeLineEvent =
  | UeEvent
  | { readonly kind: 'registered'; readonly device: string; readonly server: string; readonly transport: string }
  | {
      readonly kind: 'near'
      readonly came: readonly string[]
      readonly left: readonly string[]
      readonly proximate: readonly Proximate[]
    }
  | { readonly kind: 'pair'; readonly peer: string; readonly near: boolean }
  | { readonly kind: 'user'; readonly user: string; readonly application: string }
  | {
      readonly kind: 'users'
      readonly came: readonly string[]
      readonly left: readonly string[]
      readonly proximate: readonly ProximateUser[]
    }
  | { readonly kind: 'near-ended'; readonly status: number; readonly why: string }
  | {
      readonly kind: 'message'
      readonly from: string
      /** Its sender for people. */
      readonly sender?: string
      readonly type: string | undefined
      readonly text: string
      /** Call-ID of the MESSAGE that it answers. */
      readonly inReplyTo?: string
      /** Of a Push: its application and title. */
      readonly application?: string
      readonly subject?: string
    }
  | ({ readonly kind: 'pushed'; readonly source: string } & Parameters<typeof pushWords>[0])
  | ({ readonly kind: 'receipt' } & PushReceipt)
  | {
      readonly kind: 'talk'
      readonly peer: string
      readonly state: 'ringing' | 'direct' | 'ended'
      /** Address of the other side, past the servers. */
      readonly path?: string
      readonly why?: string
    }
  | { readonly kind: 'said'; readonly peer: string; readonly text: string }
  | { readonly kind: 'question'; readonly question: string }
  | ({ readonly kind: 'sent' } & SentMessage)
  | ({ readonly kind: 'located' } & LocatedOutcome)
  | ({ readonly kind: 'whereabouts' } & ToldWhereabouts)
  | { readonly kind: 'stopped' }

const receiptWords: { readonly [disposition in PushReceipt['disposition']]: string } = {
  stored: 'it is stored until somebody is there',
  failed: 'it could not be delivered',
  forbidden: 'its receiver blocks you',
  delivered: 'a device has it',
  displayed: 'it is shown',
  declined: 'its receiver declines it',
  unopened: 'nothing there can open it',
}

/** Prints happenings; codes that are heard again and again are told once. */
export class UeLines {
  /** While true, nothing is printed. */
  quiet = false
  private readonly json: boolean
  private readonly print: (line: string) => void
  private readonly date: () => number
  private readonly known = new Set<string>()
  private granted = false
  private asked = false

  constructor(json: boolean, print: (line: string) => void, date: () => number) {
    this.json = json
    this.print = print
    this.date = date
  }
  tell(happening: UeLineEvent): void {
    if (this.quiet || (happening.kind === 'ended' && !this.granted)) return // a refusal is told as one
    if (happening.kind === 'state') this.granted = true
    if (happening.kind === 'heard') {
      if (this.known.has(happening.heard.code)) return
      this.known.add(happening.heard.code)
    }
    const at = new Date(this.date())
    if (this.json) {
      this.print(JSON.stringify({ at: at.toISOString(), ...happening }))
      return
    }
    const time = at.toTimeString().slice(0, 8)
    for (const line of this.words(happening)) this.print(`${time} ${printableLine(line)}`)
  }
  private words(happening: UeLineEvent): readonly string[] {
    switch (happening.kind) {
      case 'registered':
        return [`${happening.device} is registered with ${happening.server} over ${happening.transport}`]
      case 'attached':
        return [`attached to ${happening.mme} as ${happening.temporary}`]
      case 'state': {
        const { roles, announce, monitor } = happening.state
        const lines = [`granted: ${roles.join(', ')}`]
        if (announce !== undefined)
          lines.push(
            announce.active
              ? `announcing ${short(announce.code)} until ${announce.validUntil}`
              : `not announcing ${short(announce.code)} for now`,
          )
        if (monitor !== undefined)
          lines.push(monitor.mode === 'all' ? 'listening for everybody' : `listening for ${monitor.codes?.length ?? 0} codes`)
        return lines
      }
      case 'ended':
        return [`the proximity service has ended: ${happening.status} ${happening.why}`]
      case 'heard': {
        const { code, rssi, confirmed } = happening.heard
        return [`heard ${short(code)}${rssi === undefined ? '' : ` at ${rssi} dBm`}${confirmed ? ', confirmed' : ''}`]
      }
      case 'reported': {
        const { codes, status, warning } = happening
        return [`reported ${codes} code${codes === 1 ? '' : 's'}: ${status}${warning === undefined ? '' : ` (${warning})`}`]
      }
      case 'near':
        return this.nearWords(happening)
      case 'pair':
        return [`${happening.peer} is ${happening.near ? '' : 'not '}near`]
      case 'user':
        return [`a user of ${happening.application} as ${happening.user}`]
      case 'users':
        return this.usersWords(happening)
      case 'near-ended':
        return [`will not be told who is near: ${happening.status} ${happening.why}`]
      case 'message':
        return [`message from ${happening.sender ?? happening.from}: ${textFor(happening)}`]
      case 'pushed':
        return [pushWords(happening)]
      case 'receipt':
        return [`${happening.from}: ${receiptWords[happening.disposition]}`]
      case 'talk':
        return [talkWords(happening)]
      case 'said':
        return [`${happening.peer}: ${happening.text}`]
      case 'question':
        return [happening.question]
      case 'sent':
        return [sentWords(happening)]
      case 'located':
        return locatedWords(happening)
      case 'whereabouts':
        return [whereaboutsWords(happening)]
      case 'malformed':
        return [`did not understand the server: ${happening.warning}`]
      case 'stopped':
        return ['unregistered']
    }
  }
  private usersWords({ came, left, proximate }: Extract<UeLineEvent, { kind: 'users' }>): readonly string[] {
    const lines = [...came.map((user) => `user ${user} is near`), ...left.map((user) => `user ${user} is not near any more`)]
    return proximate.length === 0 && lines.length === 0 ? ['no user is near'] : lines
  }
  private nearWords({ came, left, proximate }: Extract<UeLineEvent, { kind: 'near' }>): readonly string[] {
    const lines = [...came.map((device) => `${device} is near`), ...left.map((device) => `${device} is not near any more`)]
    const still = this.asked ? 'still ' : ''
    this.asked = true
    if (lines.length > 0) return lines
    const devices = proximate.map(({ device }) => device).join(', ')
    return [devices === '' ? `${still}nobody is near` : `${still}near: ${devices}`]
  }
}

function talkWords({ path, peer, state, why }: Extract<UeLineEvent, { kind: 'talk' }>): string {
  if (state === 'ringing') return `${peer} is called`
  return state === 'direct' ? `direct path to ${peer} at ${path}: what you type is said` : `talk with ${peer} is over: ${why}`
}

/** The readable content of a message; of any other body, its type. */
function textFor({ type = 'text/plain', text }: Extract<UeLineEvent, { kind: 'message' }>): string {
  return /^text\//i.test(type) ? text : `${text.length} characters of ${type}`
}

function short(code: string): string {
  return `${code.slice(0, 8)}…`
}
