/** Strict routers before and behind us (RFC 3261 §16.4, §16.6 step 6), and Record-Routes by which both ends come back. */
import test from 'ava'
import { SipRequest } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { strictly, unstrict } from '../../../signalling/routing/strict.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'
import { callerRoutes, ForkScene } from './fork-scene.ts'

test('a first Route without lr becomes the Request-URI, which goes to the end', (t) => {
  t.is(strictly('sip:bob@h', []), undefined)
  for (const loose of ['<sip:p;lr>', '<sip:p;transport=tcp;lr>', '<sip:p; lr >', '<sip:p;LR=on>', '<sip:p;lr>;x=1', 'sip:p;lr'])
    t.is(strictly('sip:bob@h', [loose, '<sip:q>']), undefined, loose)
  t.deepEqual(strictly('sip:bob@h', ['<sip:p>']), { uri: 'sip:p', routes: ['<sip:bob@h>'] })
  t.deepEqual(strictly('sip:bob@h', ['"P" <sip:p;method=INVITE;transport=tcp?Subject=x>;y', '<sip:q;lr>']), {
    uri: 'sip:p;transport=tcp',
    routes: ['<sip:q;lr>', '<sip:bob@h>'],
  })
  t.truthy(strictly('sip:bob@h', ['<sip:p;lrx>']))
  t.is(strictly('sip:bob@h', ['no address']), undefined)
})

test('a Request-URI that is our Record-Route gives way to the last Route; any other stays', (t) => {
  const flows = { isOurs: (host: string) => host === '10.0.0.1', isSealed: (token: string) => token === 'sealed' }
  const mended = (uri: string, lines: readonly string[]): readonly string[] => {
    const request = scan(Buffer.from(requestText('BYE', uri, { lines, body: 'body' })))
    if (!(request instanceof SipRequest)) throw new Error('no request')
    const after = unstrict(request, flows)
    t.is(after.body.toString(), 'body')
    return after === request ? ['same'] : [after.uriText, ...after.list(H.Route)]
  }
  const ours = 'sip:proxy.sealed@10.0.0.1;lr'
  t.deepEqual(mended(ours, ['Route: <sip:p2;lr>, <sip:bob@192.0.2.1>']), ['sip:bob@192.0.2.1', `<${ours}>`, '<sip:p2;lr>'])
  t.deepEqual(mended(ours, ['Route: <sip:bob@192.0.2.1>']), ['sip:bob@192.0.2.1', `<${ours}>`])
  t.deepEqual(mended(ours, []), ['same'])
  t.deepEqual(mended(ours, ['Route: nonsense']), ['same'])
  t.deepEqual(mended('sip:proxy.forged@10.0.0.1;lr', ['Route: <sip:bob@192.0.2.1>']), ['same'])
  t.deepEqual(mended('sip:proxy.sealed@10.0.0.2;lr', ['Route: <sip:bob@192.0.2.1>']), ['same'])
})

test('in a dialog through a strict router the request comes to the same end', async (t) => {
  const scene = await ForkScene.open()
  t.teardown(() => scene.lab.stop())
  const [caller, called] = [await scene.phone('alice'), await scene.phone('bob')]
  called.onRequest = (request) => {
    if (request.method === 'INVITE')
      called.answer(request, 200, { recordRoute: true, headers: [['Contact', '<sip:bob@10.0.5.2>']] })
    else if (request.method !== 'ACK') called.answer(request, 200)
  }
  scene.send(caller, 'INVITE', 'sip:bob@localhost', { lines: ['Contact: <sip:alice@10.0.5.1>'] })
  await scene.pass(100)
  const answer = caller.responses.find(({ status }) => status === 200)!
  const routes = callerRoutes(answer).map((line) => line.slice('Route: '.length))
  t.is(routes.length, 2)
  const first = routes[0]!.slice(1, -1)
  scene.send(caller, 'BYE', first, {
    to: 'sip:bob@localhost',
    toTag: answer.toTag,
    cseq: 2,
    lines: [...routes.slice(1), '<sip:bob@10.0.5.2>'].map((route) => `Route: ${route}`),
  })
  await scene.pass(100)
  const bye = called.requests.find(({ method }) => method === 'BYE')
  t.is(bye?.uriText, 'sip:bob@10.0.5.2')
  t.deepEqual(bye?.list(H.Route), [])
})

test('toward a strict router the Request-URI is the router and the target the last Route', async (t) => {
  const lab = new Lab()
  const agent = new Agent('agent')
  agent.answer = (exchange) => exchange.forward({ uri: 'sip:bob@192.0.2.1', route: ['<sip:10.0.9.1;x=1>', '<sip:p2;lr>'] })
  await lab.serve(['localhost'], [agent])
  t.teardown(() => lab.stop())
  const router = await Wire.at(lab, '10.0.9.1')
  const peer = await Wire.at(lab, '10.0.9.9')
  peer.send(requestText('MESSAGE', 'sip:agent@localhost'))
  await lab.clock.advance(100)
  t.is(router.requests[0]?.uriText, 'sip:10.0.9.1;x=1')
  t.deepEqual(router.requests[0]?.list(H.Route), ['<sip:p2;lr>', '<sip:bob@192.0.2.1>'])
})
