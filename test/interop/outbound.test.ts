/**
 * One user at two devices that we have not written: baresip, which keeps its flow by STUN, and sip.js, which watches the
 * registration (`reg`) and writes to the other device alone, by its GRUU.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Messager, Registerer, RegistererState, Subscriber, SubscriptionState, UserAgent } from 'sip.js'
import { type DefaultServer, Running, startDefaultServer } from '../support/process.ts'
import { settled } from './peers/capture.ts'
import { passwordOf } from './peers/peer.ts'

const user = 'twice'

const config = `poll_method epoll
sip_listen 127.0.0.1:0
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module_tmp uuid.so
module stdio.so
module_app account.so
module_app contact.so
module_app menu.so
`

/** baresip with one flow over UDP (RFC 5626), registered. */
async function baresip(server: DefaultServer): Promise<Running> {
  const folder = join(server.folder, 'baresip')
  mkdirSync(folder)
  writeFileSync(join(folder, 'config'), config)
  writeFileSync(join(folder, 'uuid'), 'df539f5e-35fa-6919-1634-453a491c8186')
  const uri = `sip:127.0.0.1:${server.udp};transport=udp`
  const account = `<sip:${user}@127.0.0.1:${server.udp};transport=udp>;auth_user=${user};auth_pass=${passwordOf(user)};regint=60`
  writeFileSync(join(folder, 'accounts'), `${account};sipnat=outbound;outbound="${uri}"\n`)
  writeFileSync(join(folder, 'contacts'), '')
  const process = new Running('timeout', ['--kill-after=5', '100', 'baresip', '-f', folder], { cwd: folder })
  server.guests.add(process)
  await process.said(/200 OK \(\) \[\d bindings?\]/)
  return process
}

interface Browser {
  readonly agent: UserAgent
  readonly texts: readonly string[]
  readonly documents: readonly string[]
  until(happened: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** sip.js as the same user, registered and watching. */
async function sipJs(server: DefaultServer): Promise<Browser> {
  const texts: string[] = []
  const documents: string[] = []
  let look: () => void = () => undefined
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@localhost`),
    authorizationUsername: user,
    authorizationPassword: passwordOf(user),
    transportOptions: { server: `ws://127.0.0.1:${server.ws}`, connectionTimeout: 32 },
    logBuiltinEnabled: false,
    delegate: {
      onMessage: (message) => {
        texts.push(message.request.body)
        void message.accept()
      },
    },
  })
  await agent.start()
  const registerer = new Registerer(agent, { expires: 600 })
  await new Promise<void>((resolve, reject) => {
    registerer.stateChange.addListener((state) =>
      state === RegistererState.Registered ? resolve() : reject(new Error(`sip.js is ${state}`)),
    )
    registerer.register().catch(reject)
  })
  const subscriber = new Subscriber(agent, UserAgent.makeURI(`sip:${user}@localhost`)!, 'reg', {
    delegate: {
      onNotify: (notification) => {
        documents.push(notification.request.body)
        void notification.accept()
        look()
      },
    },
  })
  await subscriber.subscribe()
  return {
    agent,
    texts,
    documents,
    until: (happened) =>
      new Promise((resolve) => {
        look = () => {
          if (happened()) resolve()
        }
        look()
      }),
    // Watching ends before registration does: who is not registered may not send.
    stop: async () => {
      const over = new Promise<void>((resolve) => {
        subscriber.stateChange.addListener((state) => (state === SubscriptionState.Terminated ? resolve() : undefined))
      })
      await subscriber.unsubscribe()
      await over
      await agent.stop()
    },
  }
}

test('two devices of one user: kept alive by STUN, watched by reg, reached each by its GRUU', async (t) => {
  const server = await startDefaultServer({ users: [user], settings: { proxy: { flowTimer: 2 } } })
  t.teardown(() => server.remove())
  const browser = await sipJs(server)
  await browser.until(() => browser.documents.some((document) => document.includes('state="full"')))

  const phone = await baresip(server)
  const pattern = /event="created"[\s\S]*?<gr:pub-gruu uri="([^"]+)"/
  await browser.until(() => browser.documents.some((document) => pattern.test(document)))
  const gruu = browser.documents.flatMap((document) => pattern.exec(document)?.[1] ?? [])[0]!
  t.is(gruu, `sip:${user}@localhost;gr=urn:uuid:df539f5e-35fa-6919-1634-453a491c8186`)

  const accepted = await new Promise<number>((resolve, reject) => {
    const messager = new Messager(browser.agent, UserAgent.makeURI(gruu)!, 'to the phone alone')
    const requestDelegate = {
      onAccept: () => resolve(200),
      onReject: ({ message }: { message: { statusCode?: number } }) => resolve(message.statusCode ?? 0),
    }
    messager.message({ requestDelegate }).catch(reject)
  })
  t.is(accepted, 200)
  await phone.said(/: "to the phone alone"/)
  t.deepEqual(browser.texts, [])

  let answers = 0
  while (answers < 2) answers = (await server.metrics()).get('stun_answers_total') ?? 0
  t.is((await server.metrics()).get('noise_total'), 0)

  phone.type('/quit\n')
  await browser.until(() => browser.documents.some((document) => document.includes('event="unregistered"')))
  await phone.stop()
  await browser.stop()
  await settled(t, server)
})
