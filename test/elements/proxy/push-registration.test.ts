/** The proxy's word to Push servers about the Contacts of a subscriber's devices (SPEC §5.1). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createPush } from '../../../elements/push/index.ts'
import { Lab } from '../../support/lab.ts'

const permissions = { discoverable: false, discoverer: false }
const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
const id = '0a17c5d2e8b9f604'
const bob = 'sip:bob@localhost'

test('a device that takes back one of its two Contacts is reached at the other', async (t) => {
  const lab = new Lab()
  const subscribers = [{ id: 'bob', password: 'bob-proxima', permissions, push: [{ id }] }]
  const proxy = createProxy('proxy', { push: [{ element: 'push', flags: '0000' }] })
  const hss = createHss('hss', { subscribers, askers: ['proxy', 'push'] })
  await lab.serve(['localhost', '10.0.0.1'], [proxy, hss, createPush('push', {})])
  const phone = await lab.agent('bob')
  await lab.clock.advance(200)
  let cseq = 0
  const ask = async (method: string, to: string, headers: readonly (readonly [string, string])[] = []): Promise<number> => {
    const credentials = { user: 'bob', password: 'bob-proxima' }
    cseq += 2 // a challenge takes the number between
    const sent = phone.host.send({
      method,
      to,
      from: bob,
      route: ['<sip:10.0.0.1;lr>'],
      callId: method,
      cseq,
      headers,
      credentials,
    })
    return (await lab.during(sent, 4000)).status
  }
  const register = (user: string, expires: number): Promise<number> =>
    ask('REGISTER', bob, [['Contact', `<sip:${user}@10.0.1.1:5060>;${instance};expires=${expires}`]])
  const push = (): Promise<number> => ask('MESSAGE', `sip:${id}@push.localhost`)
  t.is(await register('first', 600), 200)
  t.is(await register('second', 600), 200)
  t.is(await push(), 200)
  t.is(await register('second', 0), 200)
  t.is(await push(), 200)
  t.is(await register('first', 0), 200)
  t.deepEqual(
    phone.got.map(({ request }) => request.uri.user),
    ['second', 'first'],
  )
  t.deepEqual(lab.errors, [])
})
