/**
 * twinkle-console, driven by what a person would type. What it learns of its buddies it does not show there, but in its log.
 *
 * It knows a header only by the name that it writes itself: of Net::SIP's `Cseq` and `Content-length` its log says "CSeq header
 * missing. Discard invalid message" (RFC 3261 §7.3.1 has names in any case). A proxy does not spell them anew (§16.6 adds and
 * changes only what it must), so these two do not understand each other, through whomever.
 *
 * A call that it begins soon after one that was taken back may end it (segmentation fault in `t_session::start_rtp`, its line has
 * no user then): let it call first and be called afterwards.
 */
import { mkdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pid } from 'node:process'
import { onceIdle } from '../../support/patience.ts'
import { Running } from '../../support/process.ts'
import { literal, type Peer, type Phone, type Presence, passwordOf } from './peer.ts'
import { type Seat, serverOf } from './seat.ts'

function profileOf(seat: Seat): string {
  const { user, transport } = seat
  const server = `${serverOf(seat)};transport=${transport}`
  return `user_name=${user}
user_domain=localhost
auth_realm=localhost
auth_name=${user}
auth_pass=${passwordOf(user)}
outbound_proxy=${server}
all_requests_to_proxy=yes
registrar=${server}
register_at_startup=yes
registration_time=600
sip_transport=${transport}
pres_publish_startup=no
pres_subscription_time=600
pres_publication_time=600
im_send_iscomposing=no
`
}

/**
 * Sound goes nowhere and comes from nowhere, as fast as it can: what twinkle would log of that (`log_show_debug`) keeps it from
 * hearing an ACK in time.
 */
function system(port: number, rtp: number): string {
  const sound = ['ringtone', 'speaker', 'mic'].map((device) => `dev_${device}=alsa:default\n`)
  const log = 'log_show_sip=yes\nlog_show_debug=no\nlog_max_size=100\n'
  return `${sound.join('')}${log}sip_port=${port}\nrtp_port=${rtp}\nplay_ringtone=no\nplay_ringback=no\nvalidate_audio_dev=no\n`
}

let lastPort = 20_000 + 10 * (pid % 1000)

/** Below those that the system gives to whoever connects, since it is bound some time later; even, as RTP wants it. */
async function ownPort(): Promise<number> {
  for (;;) {
    lastPort += 10
    const port = lastPort
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)))
  })
}

let lastStart: Promise<unknown> = Promise.resolve()

/**
 * Its Call-IDs and tags are drawn from the second in which it reads the clock, some time after its start. Two of the same second
 * send the same ones, and who gets a request from both takes the later for merged (RFC 3261 §8.2.2.2: 482).
 */
async function nextSecond(): Promise<void> {
  const second = new Date().getSeconds()
  while (new Date().getSeconds() === second)
    await new Promise((resolve) => setTimeout(resolve, 1000 - new Date().getMilliseconds()))
}

export async function twinklePeer(seat: Seat): Promise<Peer> {
  const { server, user, transport, watches } = seat
  const home = join(server.folder, user)
  const own = join(home, '.twinkle')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(home, '.asoundrc'), 'pcm.!default { type null }\nctl.!default { type null }\n')
  writeFileSync(join(own, 'twinkle.sys'), system(await ownPort(), await ownPort()))
  writeFileSync(join(own, `${user}.cfg`), profileOf(seat))
  writeFileSync(join(own, `${user}.bud`), `${watches}|sip:${watches}@localhost|y\n`)
  const log = join(own, 'twinkle.log')
  writeFileSync(log, '')

  const start = async (): Promise<Running> => {
    await nextSecond()
    const begun = new Running('timeout', ['--kill-after=5', '1500', 'twinkle-console', `${user}.cfg`], { cwd: home, home })
    server.guests.add(begun)
    await begun.said(/registration succeeded/) // it has read the clock by then
    return begun
  }
  const starting = lastStart.then(start)
  lastStart = starting.catch(() => undefined)
  const process = await starting
  const shows = async (whom: string, state: string): Promise<void> => {
    const document = `entity="sip:${literal(whom)}@(?:(?!\\+\\+\\+)[^])*<basic>${state}<`
    await logged(log, new RegExp(`Received from(?:(?!\\+\\+\\+)[^])*${document}`))
  }
  const presence: Presence = {
    watch: async (whom) => {
      if (whom !== watches) throw new Error(`twinkle was told at its start to watch ${watches}, not ${whom}`)
      await shows(whom, '(?:open|closed)')
    },
    sees: (whom) => shows(whom, 'open'),
    async publish() {
      process.type('presence -b online\n')
      await logged(log, /Publication successful/)
    },
  }
  return {
    name: `twinkle/${transport}`,
    user,
    async send(to, text) {
      const since = statSync(log).size
      process.type(`message sip:${to}@localhost "${text}"\n`)
      const sent = await logged(log, requestWith(text), since)
      const id = literal(sent.groups?.id ?? '')
      const answer = new RegExp(`^SIP/2\\.0 (?<status>[2-6]\\d\\d)(?:(?!\\+\\+\\+)[^])*^Call-ID: ${id}\\r?$`, 'm')
      const { groups } = await logged(log, answer, since)
      if (!groups?.status?.startsWith('2')) throw new Error(`${groups?.status} to "${text}" for ${to}`)
    },
    got: async (text) => {
      await process.said(new RegExp(`^${literal(text)}$`, 'm'))
    },
    presence,
    phone: phoneOf(process, log),
    async stop() {
      process.type('quit\n')
      await process.ended
    },
  }
}

/** A MESSAGE of its log with that body; `id` is its Call-ID. */
function requestWith(text: string): RegExp {
  const logs = literal(Buffer.from(text).toString('latin1')).replace(/[^ -~]/g, '\\.') // it writes a dot for each other byte
  return new RegExp(`^MESSAGE (?:(?!\\+\\+\\+)[^])*^Call-ID: (?<id>\\S+)(?:(?!\\+\\+\\+)[^])*^${logs}$`, 'm')
}

/** Resolves once its log has that, from that byte on. */
function logged(log: string, pattern: RegExp, since = 0): Promise<RegExpMatchArray> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      callOff()
      watcher.close()
    }
    const look = (): void => {
      const found = readFileSync(log, 'latin1').slice(since).match(pattern)
      if (found === null) return
      end()
      resolve(found)
    }
    const watcher = watch(log, look)
    const callOff = onceIdle(() => {
      end()
      reject(new Error(`twinkle has not logged ${pattern}:\n${readFileSync(log, 'utf8').slice(-5000)}`))
    })
    look()
  })
}

function phoneOf(process: Running, log: string): Phone {
  let since = 0 // of the call that is talked about
  let loggedSince = 0
  const said = async (pattern: RegExp): Promise<void> => {
    await process.said(pattern, since)
  }
  return {
    async call(to) {
      since = process.output.length
      loggedSince = statSync(log).size
      process.type(`call sip:${to}@localhost\n`)
      await said(/received 180 Ringing/)
    },
    async called() {
      const { index, 0: text } = await process.said(/incoming call/, since)
      since += index + text.length
      loggedSince = statSync(log).size
    },
    answer: () => process.type('answer\n'),
    talking: () => said(/call established|far end answered call/),
    hangUp: () => process.type('bye\n'),
    cancel: () => process.type('bye\n'),
    over: () => said(/call ended|far end ended call/),
    async cancelled() {
      await said(/call ended|call failed|far end cancelled call/)
      await logged(log, /^ACK /m, loggedSince)
    },
  }
}
