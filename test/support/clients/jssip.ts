/** A user agent on JsSIP that is driven by lines. Runs in Node and in a browser. JsSIP knows no PUBLISH. */
import JsSIP from 'jssip'
import { type Client, escaped, uriOfUser, words } from './account.ts'
import { silenceCalls } from './signalling-only.ts'

interface Ended {
  readonly cause?: string
  readonly originator?: string
  readonly message?: { readonly status_code?: number } | null
}

/** As much of a call as we ask for; JsSIP's own types need a browser's. */
interface Call {
  readonly direction: string
  on(event: string, listener: (event: Ended & { readonly response?: { readonly status_code: number } }) => void): void
  answer(options: object): void
  terminate(): void
}

interface Subscription {
  on(event: string, listener: (...event: readonly unknown[]) => void): void
  subscribe(): void
  terminate(): void
}

interface Heard {
  readonly originator: string
  readonly request: { readonly body?: string | null; getHeader(name: string): string | undefined }
}

const noMedia = { mediaConstraints: { audio: false, video: false } }

export const jsSip: Client = ({ server, user, password }, say) => {
  silenceCalls()
  const agent = new JsSIP.UA({
    uri: `sip:${user}@localhost`,
    password,
    sockets: [new JsSIP.WebSocketInterface(server)],
    register_expires: 600,
    session_timers: false,
  })
  const subscriptions = new Map<string, Subscription>()
  let call: Call | undefined

  function follow(session: Call): void {
    call = session
    if (session.direction === 'incoming') say('called')
    session.on('progress', ({ originator, response }) => {
      if (originator === 'remote' && response?.status_code === 180) say('ringing')
    })
    session.on('accepted', ({ originator }) => {
      if (originator === 'remote') say('call 200')
    })
    session.on('confirmed', ({ originator }) => {
      if (originator === 'remote') say('talking')
    })
    session.on('failed', ({ originator, message, cause }) => {
      if (session.direction === 'incoming') say(originator === 'remote' ? 'cancelled' : `failed ${cause}`)
      else say(`call ${cause === 'Canceled' ? 487 : (message?.status_code ?? cause)}`)
    })
    session.on('ended', ({ originator }) => say(originator === 'remote' ? 'ended' : 'bye 200'))
  }
  function watch(event: string, whom: string, type: string): void {
    const options = { expires: 600, params: {}, extraHeaders: [] }
    const subscription = agent.subscribe(`sip:${whom}@localhost`, event, type, options as never) as unknown as Subscription
    subscriptions.set(`${event} ${whom}`, subscription)
    subscription.on('accepted', () => say('watch 200'))
    subscription.on('notify', (isFinal, _request, body) =>
      say(`notify ${event} ${isFinal === true ? 'terminated' : 'active'} ${escaped(String(body))}`),
    )
    subscription.on('terminated', (code) => say(code === 5 || code === 6 ? 'unwatch 200' : `watch error-${code}`)) // final NOTIFY
    subscription.subscribe()
  }

  agent.on('registered', () => say('register 200'))
  agent.on('registrationFailed', ({ cause }: Ended) => say(`register ${cause}`))
  agent.on('disconnected', () => say('bye-bye'))
  agent.on('newMessage', ({ originator, request }: Heard) => {
    if (originator === 'remote' && /^text\/plain/i.test(request.getHeader('content-type') ?? '')) say(`got ${request.body ?? ''}`)
  })
  agent.on('newRTCSession', ({ session }: { readonly session: unknown }) => follow(session as Call))
  agent.start()

  const commands: { readonly [name: string]: (rest: string) => void } = {
    message(rest) {
      const [to, text] = words(rest, 1)
      const failed = ({ cause }: Ended): void => say(`message ${cause}`)
      agent.sendMessage(uriOfUser(to!), text!, { eventHandlers: { succeeded: () => say('message 200'), failed } })
    },
    watch(rest) {
      const [event, whom, type] = words(rest, 3)
      watch(event!, whom!, type!)
    },
    unwatch: (rest) => subscriptions.get(rest)?.terminate(),
    call: (to) => {
      agent.call(`sip:${to}@localhost`, noMedia)
    },
    answer: () => call?.answer(noMedia),
    cancel: () => call?.terminate(),
    bye: () => call?.terminate(),
    quit: () => agent.stop(),
  }
  return (line) => {
    const [name, rest] = words(line, 1)
    ;(commands[name!] ?? (() => say(`unknown ${name}`)))(rest!)
  }
}
