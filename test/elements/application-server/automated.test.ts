/** Automated registration at an application server whose store fails (SPEC §4): refused, and bound nowhere. */
import test from 'ava'
import { ApplicationRegistration } from '../../../elements/application-server/automated.ts'
import { UserRegistrations } from '../../../elements/application-server/registration.ts'
import { Users } from '../../../elements/application-server/users.ts'
import type { Conversations } from '../../../elements/shared/clients/conversations.ts'
import type { Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import type { Body, Exchange } from '../../../signalling/index.ts'
import { FailingStore } from '../../signalling/dialogs/subscriptions-scene.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { Agent } from '../../support/lab.ts'
import { json, requestOf } from '../../support/requests.ts'
import { sip } from '../prose/scene.ts'

const application = 'chess'

async function scene() {
  const network = new ElementNetwork()
  const store = new FailingStore(network.store)
  network.store = store
  const { host } = await network.add(new Agent('as'))
  const users = new Users(host)
  const subscribers = {
    of: async () => ({ id: sip('alice'), servers: [{ uri: sip('as'), application }] }),
  } as unknown as Subscribers
  const listener = { changed: () => undefined, left: () => undefined }
  const membership = { application, open: true, secrets: new Map<string, string>() }
  const registration = new UserRegistrations(host, membership, users, subscribers, listener)
  const bindings: { release?: boolean; aluid: string }[] = []
  const answers: { cause?: string; aluid?: string }[] = []
  const conversations = {
    ask: async ({ body }: { body: Body }) => {
      bindings.push(JSON.parse(String(body.content)))
      return { value: {} }
    },
    answer: (_: Exchange, __: string, body: Body) => void answers.push(JSON.parse(String(body.content))),
  } as unknown as Conversations
  const parts = { host, application, open: true, secrets: membership.secrets, users, registration, conversations }
  const automated = new ApplicationRegistration({ ...parts, proseServers: [sip('prose')], key: 'k' })
  const register = async (): Promise<void> => {
    const body = json('prose-registration', { epuid: sip('epuid-1'), user: sip('alice'), application, proof: 'none' })
    const request = requestOf('MESSAGE', sip('as'), { asserted: sip('alice'), body })
    const asserted = { display: '', uri: request.from.uri, parameters: new Map() }
    await automated.handle({ request, asserted, reply: () => undefined, settled: true } as unknown as Exchange)
  }
  return { store, users, register, bindings, answers }
}

test('what cannot be stored is told as such, and the ProSe server lets it go', async (t) => {
  const { store, users, register, bindings, answers } = await scene()
  store.failing = true
  await register()
  t.is(answers.at(-1)!.cause, 'not-stored')
  t.deepEqual(
    bindings.map(({ release }) => release === true),
    [false, true],
  )
  t.is(users.of(sip('alice')), undefined)
  store.failing = false
  await register()
  t.is(answers.at(-1)!.aluid, users.of(sip('alice'))!.aluid)
  store.failing = true
  await register()
  t.is(answers.at(-1)!.cause, 'not-stored')
  t.not(bindings.at(-1)!.release, true, 'the registration before stays in force, at both')
  t.truthy(users.of(sip('alice')))
})
