/** Circuit-switched fallback: a text that no device takes goes by the short message centre (SPEC §5.6). */
import type { FlowScript, Stage } from '../stage/flow.ts'
import { alice, bob, comeBack, inbox, leave, push, pushText, texts } from './cast.ts'

const gsm = 'gsm@op-b.example'
const settings = { 'op-b/push': { fallback: 4, store: { accept: 15 } } }
const withoutTerminals = { ...settings, 'op-b/smsc': { terminals: [] } }

/** Bob's terminal in the circuit-switched domain is known. */
async function subscribe(stage: Stage): Promise<void> {
  const at = stage.operatorOf('op-b')
  const record = await at.subscriber(`sip:${bob.address}`)
  if (record === undefined) throw new Error('there is no bob')
  await at.provision({ ...record, imsi: '001010123456789' })
}

export const flow: FlowScript = {
  id: 'push/fallback',
  title: 'A text that no device takes goes by the short message centre',
  clause: '§5.6',
  network: 'push-two-operators.yaml',
  scenarios: [
    {
      name: 'P5: after a while without a device, by IMSI; its IMDN ends it, and no device gets it a second time',
      settings,
      async run(stage) {
        await subscribe(stage)
        const [a, b, phone] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(gsm)]
        const [toBob, toPhone] = [inbox(b.agent), inbox(phone.agent)]
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.until('his old phone has it', () => toPhone.length > 0)
        stage.expect('from the centre', toPhone.join() === 'sip:smsc@op-b.example hello')
        await stage.pass(3)
        await comeBack(stage, b)
        stage.expect('the next is for his device', (await pushText(stage, a.agent, bob.push, 'next')) === 200)
        await stage.pass(10)
        stage.expect('each once', texts(toBob) === 'next' && toPhone.length === 1)
      },
    },
    {
      name: 'PF25: the IMSI is not known: it waits on, and comes to his device',
      settings,
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.pass(9)
        await comeBack(stage, b)
        await stage.until('he has it', () => toBob.length === 1)
      },
    },
    {
      name: 'PF25: the centre refuses: it waits on, and comes to his device, once',
      settings: withoutTerminals,
      async run(stage) {
        await subscribe(stage)
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.pass(9)
        await comeBack(stage, b)
        await stage.until('he has it', () => toBob.length === 1)
        await stage.pass(15)
        stage.expect('once', toBob.length === 1)
      },
    },
    {
      name: 'his old phone is off: after a while his device gets it',
      settings,
      async run(stage) {
        await subscribe(stage)
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        await leave(stage, b)
        stage.expect('stored', (await push(stage, a.agent, bob.push)) === 202)
        await stage.pass(6)
        await comeBack(stage, b)
        await stage.until('he has it', () => toBob.length === 1, 60)
      },
    },
  ],
}
