/** The two SIP stacks of browsers, in Node over WebSocket. */
import JsSIP from 'jssip'
import { Messager, Registerer, RegistererState, UserAgent } from 'sip.js'
import type { NodeProcess } from '../../support/process.ts'
import { type Peer, passwordOf } from './peer.ts'

/** Remembers texts, and tells those who wait for one. */
class Inbox {
  private readonly texts: string[] = []
  private readonly waiting = new Map<string, () => void>()
  take(text: string): void {
    this.texts.push(text)
    this.waiting.get(text)?.()
  }
  got(text: string): Promise<void> {
    if (this.texts.includes(text)) return Promise.resolve()
    return new Promise((resolve) => this.waiting.set(text, resolve))
  }
}

export async function sipJsPeer(node: NodeProcess): Promise<Peer> {
  const user = 'sipjs'
  const inbox = new Inbox()
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@localhost`),
    authorizationUsername: user,
    authorizationPassword: passwordOf(user),
    transportOptions: { server: `ws://127.0.0.1:${node.ws}` },
    logBuiltinEnabled: false,
    delegate: {
      onMessage: (message) => {
        inbox.take(message.request.body)
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
  return {
    name: 'sip.js/ws',
    user,
    send: (to, text) =>
      new Promise((resolve, reject) => {
        const messager = new Messager(agent, UserAgent.makeURI(`sip:${to}@localhost`)!, text)
        const requestDelegate = {
          onAccept: () => resolve(),
          onReject: ({ message }: { message: { statusCode?: number } }) => reject(new Error(`sip.js got ${message.statusCode}`)),
        }
        messager.message({ requestDelegate }).catch(reject)
      }),
    got: (text) => inbox.got(text),
    stop: () => agent.stop(),
  }
}

export async function jsSipPeer(node: NodeProcess): Promise<Peer> {
  const user = 'jssip'
  const inbox = new Inbox()
  const agent = new JsSIP.UA({
    uri: `sip:${user}@localhost`,
    password: passwordOf(user),
    sockets: [new JsSIP.WebSocketInterface(`ws://127.0.0.1:${node.ws}`)],
    register_expires: 600,
  })
  agent.on('newMessage', ({ originator, request }: { originator: string; request: { body?: string | null } }) => {
    if (originator === 'remote') inbox.take(request.body ?? '')
  })
  await new Promise<void>((resolve, reject) => {
    agent.on('registered', () => resolve())
    agent.on('registrationFailed', ({ cause }) => reject(new Error(`JsSIP could not register: ${cause}`)))
    agent.start()
  })
  return {
    name: 'JsSIP/ws',
    user,
    send: (to, text) =>
      new Promise((resolve, reject) => {
        const failed = ({ cause }: { cause?: string }): void => reject(new Error(`JsSIP: ${cause}`))
        agent.sendMessage(`sip:${to}@localhost`, text, { eventHandlers: { succeeded: () => resolve(), failed } })
      }),
    got: (text) => inbox.got(text),
    stop: () =>
      new Promise((resolve) => {
        if (!agent.isConnected()) return resolve()
        agent.on('disconnected', () => resolve())
        agent.stop()
      }),
  }
}
