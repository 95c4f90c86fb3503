/** Dialogs of UEs behind a base station: requests in them go its way both ways, and CANCEL and ACK with them. */
import test from 'ava'
import { H, type SipRequest, type SipResponse } from '../../../signalling/index.ts'
import { type Phone, routesOf } from '../proxy/phones-scene.ts'
import { atProxy, CellScene, inCell, places } from './scene.ts'

const [alices, bobs] = ['sip:alice@localhost', 'sip:bob@localhost']
const got = (phone: Phone, method: string): readonly SipRequest[] => phone.requests.filter((request) => request.method === method)

/** Route lines of who was called, from the request that made the dialog. */
const calledRoutes = (request: SipRequest): string[] => request.list(H['Record-Route']).map((value) => `Route: ${value}`)

for (const place of places) {
  for (const transport of ['UDP', 'TCP'] as const) {
    for (const bobIs of ['in the cell', 'at the proxy'] as const) {
      test(`${place}, by ${transport}: a call to bob ${bobIs}, and either may hang up`, async (t) => {
        for (const ends of ['alice', 'bob']) {
          const scene = await CellScene.open(t, place)
          const alice = await inCell(t, scene, 'alice', transport)
          const bob = bobIs === 'in the cell' ? await inCell(t, scene, 'bob', transport) : await atProxy(t, scene, 'bob')
          const named = {
            from: alices,
            fromTag: 'a',
            callId: `call-${ends}`,
            lines: [alice.route, `Contact: <${alice.contact}>`],
          }
          const answer = await alice.phone.as('alice', 'INVITE', bobs, named)
          t.is(answer.status, 200)
          const inDialog = { ...named, to: bobs, toTag: 'bob', lines: routesOf(answer) }
          alice.phone.send('ACK', bob.contact, { ...inDialog, cseq: answer.cseq.number })
          await scene.until(() => got(bob.phone, 'ACK').length === 1)
          t.is(got(bob.phone, 'ACK')[0]!.find(H.Route), -1)
          const [invite] = got(bob.phone, 'INVITE') as [SipRequest]
          // a socket for each side: the UE comes back by its own
          const isTcp = (route: string | undefined): boolean => route?.includes(';transport=tcp') === true
          t.is(isTcp(answer.list(H['Record-Route']).at(-1)), transport === 'TCP')
          t.is(isTcp(invite.list(H['Record-Route'])[0]), transport === 'TCP' && bobIs === 'in the cell')
          t.is(invite.asserted[0]?.uri.text, alices)
          t.is(invite.text('P-Access-Network-Info'), undefined, 'no UE is told')
          const before = [scene.count('requests_passed'), scene.count('requests_delivered')] as const
          if (ends === 'alice') t.is((await alice.phone.as('alice', 'BYE', bob.contact, inDialog)).status, 200)
          else {
            const back = { from: bobs, fromTag: 'bob', to: alices, toTag: 'a', callId: named.callId }
            const bye = await bob.phone.as('bob', 'BYE', alice.contact, { ...back, lines: calledRoutes(invite) })
            t.is(bye.status, 200)
          }
          t.is(got(ends === 'alice' ? bob.phone : alice.phone, 'BYE').length, 1)
          const [passed, delivered] = [scene.count('requests_passed') - before[0], scene.count('requests_delivered') - before[1]]
          t.is(passed > 0, ends === 'alice' || bobIs === 'in the cell')
          t.is(delivered, ends === 'bob' || bobIs === 'in the cell' ? 1 : 0)
        }
      })
    }
  }

  test(`${place}: a caller in the cell with a GRUU, whose connection is a new one, is reached by that`, async (t) => {
    const scene = await CellScene.open(t, place)
    const bob = await atProxy(t, scene, 'bob')
    const instance = '+sip.instance="<urn:uuid:00000001-0000-4000-8000-000000000000>"'
    const gruu = `${alices};gr=urn:uuid:00000001-0000-4000-8000-000000000000`
    const connect = async () => {
      const alice = await scene.phone('TCP')
      const contact = `<sip:alice@192.168.7.7:5060;transport=tcp>;${instance}`
      t.is((await alice.phone.register('alice', contact, [alice.route, 'Supported: gruu'])).status, 200)
      return alice
    }
    const { phone, route } = await connect()
    const named = { from: alices, fromTag: 'a', callId: 'gruu-call', lines: [route, `Contact: <${gruu}>`] }
    const answer = await phone.as('alice', 'INVITE', bobs, named)
    t.is(answer.status, 200)
    phone.send('ACK', bob.contact, { ...named, to: bobs, toTag: 'bob', cseq: answer.cseq.number, lines: routesOf(answer) })
    await scene.until(() => got(bob.phone, 'ACK').length === 1)
    phone.close()
    await scene.until(() => phone.ended)
    const again = await connect()
    const back = { from: bobs, fromTag: 'bob', to: alices, toTag: 'a', callId: named.callId }
    const lines = calledRoutes(got(bob.phone, 'INVITE')[0]!)
    t.is((await bob.phone.as('bob', 'BYE', gruu, { ...back, lines })).status, 200)
    t.is(got(again.phone, 'BYE').length, 1)
  })

  test(`${place}: a question to oneself goes to the other device in the cell`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [one, other] = [await inCell(t, scene, 'bob'), await inCell(t, scene, 'bob')]
    const lines = [one.route, 'Event: dialog', `Contact: <${one.contact}>`]
    t.is((await one.phone.as('bob', 'SUBSCRIBE', bobs, { lines })).status, 200)
    t.deepEqual([got(one.phone, 'SUBSCRIBE').length, got(other.phone, 'SUBSCRIBE').length], [0, 1])
  })

  test(`${place}: a call that rings in the cell is cancelled there`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [alice, bob] = [await inCell(t, scene, 'alice'), await inCell(t, scene, 'bob')]
    let invite: SipRequest | undefined
    bob.phone.onRequest = (request) => {
      if (request.method === 'INVITE') {
        invite = request
        bob.phone.answer(request, 180, { toTag: 'bob' })
      } else if (request.method === 'CANCEL') {
        bob.phone.answer(request, 200)
        bob.phone.answer(invite!, 487, { toTag: 'bob' })
      }
    }
    const named = { from: alices, fromTag: 'a', callId: 'cancelled' }
    void alice.phone.as('alice', 'INVITE', bobs, { ...named, lines: [alice.route, `Contact: <${alice.contact}>`] })
    await scene.until(() => invite !== undefined)
    const ringing = (): SipResponse | undefined =>
      alice.phone.got.find((each): each is SipResponse => each.kind === 'response' && each.status === 180)
    await scene.until(() => ringing() !== undefined)
    const { cseq, via } = ringing()!
    alice.phone.send('CANCEL', bobs, { ...named, cseq: cseq.number, branch: via!.branch!, lines: [alice.route] })
    await scene.until(() => alice.phone.got.some((each) => each.kind === 'response' && each.status === 487))
    t.is(got(bob.phone, 'CANCEL').length, 1)
  })

  for (const transport of ['UDP', 'TCP'] as const) {
    test(`${place}, by ${transport}: a subscription, its NOTIFYs and its refresh; by a GRUU too`, async (t) => {
      const scene = await CellScene.open(t, place)
      const { phone, route, contact } = await inCell(t, scene, 'bob')
      const instance = '+sip.instance="<urn:uuid:00000001-0000-4000-8000-000000000000>"'
      t.is((await phone.register('bob', `<${contact}>`, [route])).text('Path'), undefined, 'to who knows it alone')
      const registered = await phone.register('bob', `<${contact}>;${instance}`, [route, 'Supported: gruu, path'])
      const gruu = /pub-gruu="([^"]*)"/.exec(registered.text('Contact')!)![1]!
      t.regex(registered.text('Path')!, /^<sip:ran\..*;lr;ob>$/)
      for (const [index, own] of [contact, gruu].entries()) {
        phone.clear()
        const lines = ['Event: presence', 'Expires: 600', `Contact: <${own}>`]
        const named = { from: bobs, fromTag: `f${index}`, callId: `watch-${index}` }
        const answer = await phone.as('bob', 'SUBSCRIBE', bobs, { ...named, lines: [route, ...lines] })
        t.is(answer.status, 200)
        await scene.until(() => got(phone, 'NOTIFY').length === 1)
        t.is(got(phone, 'NOTIFY')[0]!.uriText, contact, 'a GRUU has become the Contact')
        const target = /<([^>]*)>/.exec(answer.text('Contact')!)![1]!
        const inDialog = { ...named, to: bobs, toTag: answer.to.parameters.get('tag')! }
        const refreshed = await phone.as('bob', 'SUBSCRIBE', target, { ...inDialog, lines: [...routesOf(answer), ...lines] })
        t.is(refreshed.status, 200)
        await scene.until(() => got(phone, 'NOTIFY').length === 2)
      }
    })
  }
}

test('a UE at a trusted address: its requests in a call are its own, and go on', async (t) => {
  const scene = await CellScene.open(t, places[0], { trusted: ['127.0.0.1'] })
  const [alice, bob] = [await inCell(t, scene, 'alice'), await inCell(t, scene, 'bob')]
  const named = { from: alices, fromTag: 'a', callId: 'trusted', lines: [alice.route, `Contact: <${alice.contact}>`] }
  const answer = await alice.phone.as('alice', 'INVITE', bobs, named)
  t.is(answer.status, 200)
  const inDialog = { ...named, to: bobs, toTag: 'bob', lines: routesOf(answer) }
  t.is((await alice.phone.as('alice', 'BYE', bob.contact, inDialog)).status, 200)
  t.is(got(bob.phone, 'BYE').length, 1)
})
