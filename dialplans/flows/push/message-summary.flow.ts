/** Message summary (RFC 3842): a softphone sees that messages wait for its user (SPEC §5.6). */
import type { Ue } from '../../../elements/ue/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, carol, mary, pushText } from './cast.ts'

const wake = { allow: ['127.0.0.0/8'] } // of a push service on this machine
const store = { accept: 8 } // seconds that the device that sleeps costs each time: the server before waits 16
const settings = { 'op-b/push': { wake, store }, 'op-b/push2': { wake, store } }

interface WatchedSummary {
  /** The newest, its lines joined by `|`. */
  last: string
  /** Status by which the subscription has ended; undefined: it stands. */
  ended: number | undefined
}

function watching({ agent }: Ue, address: string): WatchedSummary {
  const watched: WatchedSummary = { last: '', ended: undefined }
  agent.subscribe(
    { to: `sip:${address}`, event: 'message-summary', accept: ['application/simple-message-summary'], expires: 3600 },
    {
      notified: ({ body }) => {
        watched.last = body.toString().trim().replaceAll('\r\n', '|')
      },
      ended: (status) => {
        watched.ended = status
      },
    },
  )
  return watched
}

/** Messages for a user wait for a device that sleeps, as his softphone sees. */
async function watchWaiting(stage: Stage, user: typeof bob): Promise<void> {
  const [a, phone] = [await stage.ue(alice.address), await stage.ue(user.address)]
  const device = await stage.sleepingDevice(user.address)
  stage.expect('it registers', (await stage.during(device.register())).status === 200)
  const watched = watching(phone, user.address)
  const account = `Message-Account: sip:${user.address}`
  await stage.until('nothing waits', () => watched.last === `Messages-Waiting: no|${account}`)
  device.heeds = false
  await stage.during(device.sleep())
  stage.expect('the phone takes it', (await pushText(stage, a.agent, user.push, '1')) === 200)
  const isLast = (summary: string): boolean => {
    stage.expect('the phone is subscribed', watched.ended === undefined)
    return watched.last.endsWith(summary)
  }
  await stage.until('one waits', () => isLast(`Messages-Waiting: yes|${account}|Text-Message: 1/0 (0/0)`))
  stage.expect('and another', (await pushText(stage, a.agent, user.push, '2')) === 200)
  await stage.until('two wait', () => isLast('|Text-Message: 2/0 (0/0)'))
  await stage.restart()
  await stage.during(device.wakeUp())
  stage.expect('it registers', (await stage.during(device.register())).status === 200)
  await stage.until('nothing waits any more', () => isLast(`Messages-Waiting: no|${account}`), 60)
}

export const flow: FlowScript = {
  id: 'push/message-summary',
  title: 'A softphone sees that messages wait',
  clause: '§5.6',
  network: 'push-two-operators.yaml',
  scenarios: [
    {
      name: 'what waits for another device of his, as it changes, over a restart',
      settings,
      run: (stage) => watchWaiting(stage, bob),
    },
    {
      name: 'the same for a user of the second server',
      settings,
      run: (stage) => watchWaiting(stage, mary),
    },
    {
      name: 'nobody sees another’s, nor who has no Push identifier any',
      async run(stage) {
        const [a, d] = [await stage.ue(alice.address), await stage.ue('dave@op-a.example')]
        const [ofCarol, ofDave] = [watching(a, carol.address), watching(d, 'dave@op-a.example')]
        await stage.until('she is refused', () => ofCarol.ended === 403)
        await stage.until('there is none', () => ofDave.ended === 404)
        stage.expect('nothing was told', ofCarol.last === '' && ofDave.last === '')
      },
    },
  ],
}
