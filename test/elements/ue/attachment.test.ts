/** A UE's attachment to an MME: what it says, and how it comes back where the attachment was lost (SPEC §3.6). */
import test from 'ava'
import type { AgentBody, UserAgent, WatchListener, WatchOptions } from '../../../elements/ue/agents/agent.ts'
import { Attachment } from '../../../elements/ue/attachment.ts'
import { ManualClock } from '../../../signalling/testing.ts'

const mme = 'sip:mme@localhost'
const device = 'sip:alice@localhost'
const type = 'application/vnd.proxima.attach-state+json'

/** An agent that subscribes to nobody: the test plays the MME. */
class Played {
  readonly clock = new ManualClock()
  readonly asked: { readonly watch: WatchOptions; readonly listener: WatchListener; ended: boolean }[] = []
  readonly temporaries: string[] = []
  reattached = 0
  readonly attachment: Attachment

  constructor() {
    const subscribe: UserAgent['subscribe'] = (watch, listener) => {
      const one = { watch, listener, ended: false }
      this.asked.push(one)
      return { refresh: () => undefined, unsubscribe: () => void (one.ended = true) }
    }
    const agent = { identity: device, subscribe } as unknown as UserAgent
    this.attachment = new Attachment(
      { agent, clock: this.clock, mme, device, capabilities: { prose: true } },
      { temporary: (temporary) => void this.temporaries.push(temporary), reattached: () => void this.reattached++ },
    )
  }
  body(index: number): unknown {
    const { body } = this.asked[index]!.watch
    return JSON.parse(String((typeof body === 'function' ? body() : (body as AgentBody)).content))
  }
  tells(temporary: string): void {
    const content = JSON.stringify({ version: 1, temporary, validUntil: '2026-01-01T01:00:00Z' })
    const notified = { state: 'active', body: Buffer.from(content), contentType: type, text: () => undefined }
    this.asked.at(-1)!.listener.notified(notified as never)
  }
  ends(status: number, why = ''): void {
    this.asked.at(-1)!.listener.ended(status, why)
  }
}

test('where it was before is said once: a dialog that begins anew names the device', async (t) => {
  const ue = new Played()
  const former = { temporary: 'sip:s-tmsi-0200000000@localhost', mme: 'sip:mme2@localhost' }
  const opened = ue.attachment.open(former)
  t.deepEqual(ue.body(0), { capabilities: { prose: true }, former })
  ue.tells('sip:s-tmsi-0100000001@localhost')
  t.is(await opened, 'sip:s-tmsi-0100000001@localhost')
  t.deepEqual(ue.body(0), { device, capabilities: { prose: true } })
})

test('an attachment that is lost is made anew, later each time, and what was asked is asked again', async (t) => {
  const ue = new Played()
  const opened = ue.attachment.open()
  ue.tells('sip:s-tmsi-0100000001@localhost')
  await opened
  ue.ends(503)
  t.is(ue.attachment.temporary, undefined)
  await ue.clock.advance(999)
  t.is(ue.asked.length, 1)
  await ue.clock.advance(1)
  t.is(ue.asked.length, 2)
  ue.ends(408)
  await ue.clock.advance(1999)
  t.is(ue.asked.length, 2)
  await ue.clock.advance(1)
  t.deepEqual(ue.body(2), { device, capabilities: { prose: true } })
  t.is(ue.reattached, 0)
  ue.tells('sip:s-tmsi-0100000002@localhost')
  t.is(ue.attachment.temporary, 'sip:s-tmsi-0100000002@localhost')
  t.is(ue.reattached, 1)
  t.deepEqual(ue.temporaries, ['sip:s-tmsi-0100000001@localhost', 'sip:s-tmsi-0100000002@localhost'])
})

for (const status of [408, 480, 481, 482, 500, 503, 504])
  test(`an attachment that ended by ${status} is made anew: the UE holds it still`, async (t) => {
    const ue = new Played()
    const opened = ue.attachment.open()
    ue.tells('sip:s-tmsi-0100000001@localhost')
    await opened
    ue.ends(status)
    await ue.clock.advance(1000)
    t.deepEqual(ue.body(1), { device, capabilities: { prose: true } })
    ue.tells('sip:s-tmsi-0100000002@localhost')
    t.is(ue.attachment.temporary, 'sip:s-tmsi-0100000002@localhost')
    t.is(ue.reattached, 1)
  })

test('who is refused, or has left, does not come again', async (t) => {
  const refused = new Played()
  const opened = refused.attachment.open()
  refused.ends(503)
  t.is(await opened, 503)
  const expelled = new Played()
  void expelled.attachment.open()
  expelled.tells('sip:s-tmsi-0100000001@localhost')
  expelled.ends(403)
  const moved = new Played()
  void moved.attachment.open()
  moved.tells('sip:s-tmsi-0100000001@localhost')
  moved.ends(200, 'noresource')
  const left = new Played()
  void left.attachment.open()
  left.tells('sip:s-tmsi-0100000001@localhost')
  left.ends(503)
  left.attachment.close()
  for (const ue of [refused, expelled, moved, left]) {
    await ue.clock.advance(100_000)
    t.is(ue.asked.length, 1)
  }
})
