/** The short message centre (SPEC §5.6): texts to a terminal go in their order, one at a time, for as long as they are of use. */
import test from 'ava'
import { createShortMessageCentre } from '../../../elements/smsc/index.ts'
import { type Exchange, memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { SteeredStore } from '../../support/steered-store.ts'
import { requestText, Wire } from '../../support/wire.ts'

const imsi = '001010123456789'

/** A centre, a Push server that is played and sends from 10.0.8.1, and a terminal at 10.0.1.1 that answers as it is told. */
async function open() {
  const lab = new Lab()
  lab.trusted.push('10.0.8.1')
  const store = new SteeredStore(memoryStore(lab.clock))
  store.holds = false
  const reports: string[] = []
  const push = {
    name: 'push',
    claims: [{ method: 'MESSAGE', user: 'push' }],
    handle(exchange: Exchange): void {
      reports.push(/<(delivered|failed)\/>/.exec(String(exchange.request.body))?.[1] ?? '')
      exchange.reply(200)
    },
  }
  const settings = { terminals: [{ imsi, uri: 'sip:gsm@10.0.1.1:5060' }], askers: ['push'] }
  const start = (): Promise<unknown> =>
    lab.serve(['localhost', '10.0.0.1'], [createShortMessageCentre('smsc', settings), push], store)
  await start()
  const [server, terminal] = [await Wire.at(lab, '10.0.8.1'), await Wire.at(lab, '10.0.1.1')]
  const got: string[] = []
  const answers = { terminal: 200 as number | undefined }
  const seen = new Set<string | undefined>()
  terminal.onRequest = (request) => {
    if (!seen.has(request.via?.branch)) got.push(String(request.body))
    seen.add(request.via?.branch)
    if (answers.terminal !== undefined) terminal.answer(request, answers.terminal)
  }
  let sent = 0
  const send = async (text: string, lines: readonly string[] = []): Promise<number> => {
    sent++
    const head = ['Content-Type: text/plain', 'P-Asserted-Identity: <sip:push@localhost>', 'Route: <sip:smsc@localhost;lr>']
    const names = { branch: `z9hG4bK-${sent}`, callId: `text-${sent}`, from: 'sip:push@localhost', via: '10.0.8.1;rport' }
    server.send(requestText('MESSAGE', `sip:imsi-${imsi}@smsc.localhost`, { ...names, lines: [...head, ...lines], body: text }))
    await lab.clock.advance(100)
    return server.statuses.at(-1) ?? 0
  }
  const restart = async (): Promise<void> => {
    await lab.nodes.pop()!.stop(0)
    await start()
  }
  return { answers, got, lab, reports, restart, send, server, store, terminal }
}

test('RFC 3428 §8: texts to one terminal go one at a time, in their order, over a restart too', async (t) => {
  const { answers, got, lab, reports, restart, send } = await open()
  answers.terminal = 480
  for (const text of ['1', '2', '3', '4']) t.is(await send(text), 202)
  t.deepEqual(got, ['1'])
  await restart()
  await lab.clock.advance(1000)
  t.deepEqual(got, ['1', '1'])
  answers.terminal = 200
  await lab.clock.advance(60_000)
  t.deepEqual(got, ['1', '1', '1', '2', '3', '4'])
  t.deepEqual(reports, ['delivered', 'delivered', 'delivered', 'delivered'])
})

test('a text whose Expires is over is not delivered any more, and its sender hears of it', async (t) => {
  const { answers, got, lab, reports, send } = await open()
  answers.terminal = 480
  t.is(await send('short', ['Expires: 60']), 202)
  t.is(await send('long'), 202)
  await lab.clock.advance(62_000)
  answers.terminal = 200
  got.length = 0
  await lab.clock.advance(600_000)
  t.deepEqual(got, ['long'])
  t.deepEqual(reports, ['failed', 'delivered'])
})

test('A7: a terminal has a bound: what comes beyond gets 503, until there is room', async (t) => {
  const { answers, lab, send } = await open()
  answers.terminal = 480
  for (let text = 0; text < 200; text++) t.is(await send(String(text)), 202)
  t.is(await send('one more'), 503)
  answers.terminal = 200
  await lab.clock.advance(900_000)
  t.is(await send('now'), 202)
})

test('A7: the bound holds for texts that come while earlier ones are being written', async (t) => {
  const { answers, lab, send, server, store } = await open()
  answers.terminal = 480
  store.holds = true
  for (let text = 0; text < 201; text++) await send(String(text))
  store.release()
  await lab.clock.advance(1000)
  const count = (status: number): number => server.statuses.filter((each) => each === status).length
  t.is(count(202), 200)
  t.is(count(503), 1)
})
