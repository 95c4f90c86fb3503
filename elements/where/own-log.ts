/** Logs of senders at their GMLC (SPEC §8.3): read, and requests ended in their name. */
import type { Host } from '../../signalling/index.ts'
import { type LocationLog, mediaType, readBody, writeBody } from '../schemas/index.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import { targetAt } from '../shared/location/request-address.ts'
import { answerFault, fetchOnce, mayBeAskedAgain } from './fetched.ts'

interface OwnLogParts {
  readonly host: Host
  readonly messages: PendingMessages
  /** URI of the GMLC. */
  readonly gmlc: string
}

/** A log, or why there is none. */
type ReadLog = { readonly log: LocationLog; readonly fault?: undefined } | { readonly fault: string; readonly log?: undefined }

const tries = 6
const firstPause = 1000 // milliseconds, doubled for each try that got no answer

export class OwnLogs {
  private readonly parts: OwnLogParts

  constructor(parts: OwnLogParts) {
    this.parts = parts
  }
  /** Never rejects. @param target canonical */
  async read(target: string): Promise<ReadLog> {
    const question = { to: target, event: 'location-log', accept: [mediaType('location-log')] }
    const answer = await fetchOnce(this.parts.host, question)
    if (answer.notify === undefined) return { fault: `${answer.status} ${answer.why}` }
    const { fault, value } = readBody(answer.notify, 'location-log')
    return value === undefined ? { fault: fault.warning } : { log: value }
  }
  /** Ends a request; tried until it is ended or refused. The fault, or undefined once nothing of it leaves. Never rejects. */
  async end(target: string, request: string): Promise<string | undefined> {
    const { gmlc, host, messages } = this.parts
    const body = writeBody('lcs-end', { target, requests: [request] })
    let fault = ''
    for (let time = 0, pause = firstPause; time < tries; time++, pause *= 2) {
      const response = await messages.send({ to: targetAt(gmlc, target), asserted: host.uri, body }).catch(() => undefined)
      if (response?.status === 200) return undefined
      fault = answerFault(response)
      if (!mayBeAskedAgain(response?.status ?? 503)) break
      await new Promise<void>((resolve) => {
        host.clock.after(pause, resolve)
      })
    }
    return fault
  }
}
