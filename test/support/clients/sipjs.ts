/** A user agent on sip.js that is driven by lines. Runs in Node and in a browser. */
import {
  type Invitation,
  Inviter,
  Messager,
  Publisher,
  PublisherState,
  Registerer,
  RegistererState,
  type Session,
  SessionState,
  Subscriber,
  SubscriptionState,
  UserAgent,
} from 'sip.js'
import { type Client, escaped, uriOfUser, words } from './account.ts'
import { silentSession } from './signalling-only.ts'

interface Answered {
  readonly message: { readonly statusCode?: number }
}

const connectionTimeout = 32 // seconds; a handshake beside two dozen starting clients takes more than its usual 5

export const sipJs: Client = ({ server, user, password, contact = {}, expires = 600 }, say) => {
  const uriOf = (name: string) => UserAgent.makeURI(uriOfUser(name))!
  const subscribers = new Map<string, Subscriber>()
  let publisher: Publisher | undefined
  let session: Session | undefined
  const agent = new UserAgent({
    uri: uriOf(user),
    authorizationUsername: user,
    authorizationPassword: password,
    transportOptions: { server, connectionTimeout },
    contactParams: { transport: 'ws', ...contact },
    sessionDescriptionHandlerFactory: () => silentSession,
    logBuiltinEnabled: false,
    delegate: {
      onMessage(message) {
        if (/^text\/plain/i.test(message.request.getHeader('Content-Type') ?? '')) say(`got ${message.request.body}`)
        void message.accept()
      },
      onInvite: (invitation) => called(invitation),
    },
  })
  const status = (label: string) => ({
    onAccept: ({ message }: Answered) => say(`${label} ${message.statusCode}`),
    onReject: ({ message }: Answered) => say(`${label} ${message.statusCode}`),
  })
  const failed = (label: string) => (fault: unknown) => say(`${label} error-${String(fault).replace(/\s+/g, '-')}`)

  function called(invitation: Invitation): void {
    session = invitation
    invitation.delegate = {
      onAck: () => say('talking'),
      onBye: (bye) => {
        void bye.accept()
        say('ended')
      },
      onCancel: () => say('cancelled'),
    }
    invitation.progress({ statusCode: 180 }).then(() => say('called'), failed('called'))
  }
  function call(to: string): void {
    const inviter = new Inviter(agent, uriOf(to))
    session = inviter
    inviter.delegate = {
      onBye: (bye) => {
        void bye.accept()
        say('ended')
      },
    }
    const requestDelegate = {
      ...status('call'),
      onProgress: ({ message }: Answered) => {
        if (message.statusCode === 180) say('ringing')
      },
    }
    inviter.invite({ requestDelegate }).catch(failed('call'))
  }
  function watch(event: string, whom: string, type: string): void {
    const subscriber = new Subscriber(agent, uriOf(whom), event, { expires: 600, extraHeaders: [`Accept: ${type}`] })
    subscribers.set(`${event} ${whom}`, subscriber)
    subscriber.delegate = {
      onNotify(notification) {
        const state = (notification.request.getHeader('Subscription-State') ?? '').split(';', 1)[0]
        say(`notify ${event} ${state} ${escaped(notification.request.body)}`)
        void notification.accept()
      },
    }
    subscriber.stateChange.addListener((state) => {
      if (state === SubscriptionState.Subscribed) say('watch 200')
    })
    subscriber.subscribe({ requestDelegate: { onReject: status('watch').onReject } }).catch(failed('watch'))
  }
  function unwatch(event: string, whom: string): void {
    const subscriber = subscribers.get(`${event} ${whom}`)
    subscriber?.stateChange.addListener((state) => {
      if (state === SubscriptionState.Terminated) say('unwatch 200')
    })
    subscriber?.unsubscribe().catch(failed('unwatch'))
  }
  function publish(type: string, body: string): void {
    if (publisher === undefined) {
      publisher = new Publisher(agent, uriOf(user), 'presence', { body, contentType: type, expires: 600 })
      publisher.stateChange.addListener((state) => {
        if (state === PublisherState.Published) say('publish 200')
      })
    }
    publisher.publish(body).catch(failed('publish'))
  }
  function hangUp(): void {
    session?.bye({ requestDelegate: status('bye') }).catch(failed('bye'))
  }
  async function register(): Promise<void> {
    await agent.start()
    const registerer = new Registerer(agent, { expires })
    registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) say('register 200')
    })
    await registerer.register({ requestDelegate: { onReject: ({ message }) => say(`register ${message.statusCode}`) } })
  }

  const commands: { readonly [name: string]: (rest: string) => void } = {
    message(rest) {
      const [to, text] = words(rest, 1)
      new Messager(agent, uriOf(to!), text!, 'text/plain')
        .message({ requestDelegate: status('message') })
        .catch(failed('message'))
    },
    watch(rest) {
      const [event, whom, type] = words(rest, 3)
      watch(event!, whom!, type!)
    },
    unwatch(rest) {
      const [event, whom] = words(rest, 2)
      unwatch(event!, whom!)
    },
    publish(rest) {
      const [type, body] = words(rest, 1)
      publish(type!, body!)
    },
    call,
    answer: () => {
      if (session !== undefined && 'accept' in session) (session as Invitation).accept().catch(failed('answer'))
    },
    cancel: () => {
      if (session instanceof Inviter && session.state !== SessionState.Established) session.cancel().catch(failed('call'))
    },
    bye: hangUp,
    quit: () => {
      agent.stop().then(() => say('bye-bye'), failed('quit'))
    },
  }
  register().catch(failed('register'))
  return (line) => {
    const [name, rest] = words(line, 1)
    ;(commands[name!] ?? (() => say(`unknown ${name}`)))(rest!)
  }
}
