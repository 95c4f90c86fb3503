/** Waking (RFC 8599): who sleeps is woken for what waits, by a push service outside the network (SPEC §5.8). */
import type { SipResponse } from '../../../signalling/index.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'
import type { PushService } from '../stage/push-service.ts'
import type { SleepingDevice } from '../stage/sleeping-device.ts'
import { alice, bob, inbox, push, pushText } from './cast.ts'

const wake = { allow: ['127.0.0.0/8'] } // of a push service on this machine
const settings = { 'op-b/push': { wake, store: { accept: 12 } } } // seconds: over sockets, a busy machine may take its time for a 200

/** Wakes of a device that its push service got. */
const wakesOf = ({ received }: PushService, { subscription }: SleepingDevice): number =>
  received.filter((one) => one.subscription === subscription).length

/** A device of bob that has registered to be woken. */
async function bobsDevice(stage: Stage): Promise<SleepingDevice> {
  const device = await stage.sleepingDevice(bob.address)
  stage.expect('it registers', (await stage.during(device.register())).status === 200)
  return device
}

export const flow: FlowScript = {
  id: 'push/wake',
  title: 'A device that sleeps is woken',
  clause: '§5.8',
  network: 'push-two-operators.yaml',
  scenarios: [
    {
      name: 'P74: a message for a sleeping device is stored, 202, and wakes it by Web Push; it registers, and gets it once',
      settings,
      async run(stage) {
        const service = await stage.pushService()
        const [a, device] = [await stage.ue(alice.address), await bobsDevice(stage)]
        stage.expect('awake, it takes one', (await pushText(stage, a.agent, bob.push, '1')) === 200)
        stage.expect('and is not woken', wakesOf(service, device) === 0)
        await stage.during(device.sleep())
        stage.expect('stored', (await pushText(stage, a.agent, bob.push, '2')) === 202)
        await stage.until('it is woken, and has both', () => device.texts.length === 2, 60)
        stage.expect('by one wake', wakesOf(service, device) === 1)
        const { body, headers } = service.received.find(({ subscription }) => subscription === device.subscription)!
        stage.expect('without a word of it', body === '' && headers['urgency'] === 'normal')
        stage.expect('signed', /^vapid t=[\w.-]+, k=B[\w-]{86}$/.test(headers['authorization'] ?? ''))
        stage.expect('awake again', (await pushText(stage, a.agent, bob.push, '3')) === 200)
        await stage.pass(6)
        stage.expect('each once, in order', device.texts.join() === '1,2,3')
      },
    },
    {
      name: 'P74: messages while it sleeps are stored at once, and one wake in 10 s is enough for all',
      settings,
      async run(stage) {
        const service = await stage.pushService()
        const [a, device] = [await stage.ue(alice.address), await bobsDevice(stage)]
        device.heeds = false
        await stage.during(device.sleep())
        stage.expect('stored', (await pushText(stage, a.agent, bob.push, '1')) === 202)
        await stage.until('it is woken', () => wakesOf(service, device) > 0)
        device.heeds = true // a busy machine may bring the next one so late that it is awake by then
        for (const text of ['2', '3']) stage.expect('taken', (await pushText(stage, a.agent, bob.push, text)) < 300)
        await stage.until('it is woken again, and has all', () => device.texts.length === 3, 60)
        stage.expect('each once, in order', device.texts.join() === '1,2,3')
        stage.expect('by two wakes', wakesOf(service, device) === 2)
      },
    },
    {
      name: 'PF21: 410 deletes the PRID; the message stays, and comes when the device registers by itself',
      settings,
      async run(stage) {
        const service = await stage.pushService()
        const [a, device] = [await stage.ue(alice.address), await bobsDevice(stage)]
        service.answerWith({ status: 410 })
        await stage.during(device.sleep())
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.until('it is not woken', () => wakesOf(service, device) > 0)
        stage.expect('stored too', (await push(stage, a.agent, bob.push)) === 202)
        await stage.pass(12)
        stage.expect('and nobody tries again', wakesOf(service, device) === 1)
        await stage.during(device.wakeUp())
        stage.expect('it registers', (await stage.during(device.register())).status === 200)
        await stage.until('it has both', () => device.texts.length === 2, 60)
      },
    },
    {
      name: 'PF21: a provider that is down or throttles is asked again; the message stays, and is delivered then',
      settings,
      async run(stage) {
        const service = await stage.pushService()
        const [a, device] = [await stage.ue(alice.address), await bobsDevice(stage)]
        service.answerWith({ status: 503, retryAfter: 2 })
        await stage.during(device.sleep())
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.until('it is not woken', () => wakesOf(service, device) > 0)
        service.answerWith({ status: 201 })
        await stage.until('it is woken, and has it', () => device.texts.length === 1, 60)
      },
    },
    {
      name: 'PF27, PF28: an unsupported provider 555, too short 423; without a PRID it is a query',
      settings,
      async run(stage) {
        const device = await stage.sleepingDevice(bob.address)
        const register = async (parameters: string, seconds = 3600) => stage.during(device.register({ parameters, seconds }))
        stage.expect('unsupported', (await register(';pn-provider=fcm;pn-prid=x', 86_400)).status === 555)
        const short = await stage.during(device.register({ seconds: 3600 }))
        stage.expect('too short', short.status === 423 && short.text('Min-Expires') === '86400')
        const asked = await register(';pn-provider=webpush')
        const [caps = ''] = asked.texts('Feature-Caps')
        stage.expect(
          'a query',
          asked.status === 200 && /^\*;\+sip\.pns="webpush";\+sip\.vapid="B[\w-]+";\+sip\.pnsreg="121"/.test(caps),
        )
        stage.expect('not asked', (await register('')).texts('Feature-Caps').length === 0)
        const whole = await stage.during(device.register())
        // others of his may be bound too
        const own = ({ contacts }: SipResponse) =>
          contacts === '*' ? undefined : contacts?.find(({ uri }) => uri.parameters.has('pn-prid'))
        stage.expect('as long as it asks', whole.status === 200 && own(whole)?.parameters.get('expires') === '86400')
        stage.expect('its own parameters come back', own(whole)?.uri.text.includes(device.wakingParameters) === true)
        const most = await stage.during(device.register({ seconds: 10_000_000 }))
        stage.expect('30 days at most', own(most)?.parameters.get('expires') === '2592000')
      },
    },
    {
      name: 'pn-* are shown to nobody but the device that gave them',
      settings,
      async run(stage) {
        const [a, device] = [await stage.ue(alice.address), await bobsDevice(stage)]
        const b = await stage.ue(bob.address)
        const other = await stage.sleepingDevice(bob.address)
        const seen = await stage.during(other.register({ parameters: '', seconds: 3600 }))
        const contacts = seen.texts('Contact').join()
        stage.expect('both devices are listed', contacts.includes(device.name) && !/pn-/.test(contacts))
        const toBob = inbox(b.agent)
        stage.expect('a message arrives', (await push(stage, a.agent, bob.push)) === 200)
        await stage.until('at all of his devices', () => toBob.length === 1 && device.texts.length === 1)
        stage.expect('by a Request-URI without them', !/pn-/.test(device.lastUri))
      },
    },
  ],
}
