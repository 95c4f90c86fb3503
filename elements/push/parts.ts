/** The parts of a Push server, each made once with those that it works with. What an earlier process left is loaded. */
import type { Host } from '../../signalling/index.ts'
import { SignedIn } from '../shared/clients/signed-in.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { type FlagWidths, flagBits, type PushFlags, usualWidths } from '../shared/identifiers/push.ts'
import { Blocking } from '../shared/permissions/blocking.ts'
import { Acceptance } from './acceptance.ts'
import { Aliases } from './aliases.ts'
import { IdentifierAllocation } from './allocation.ts'
import { ApplicationFeed } from './application-feed.ts'
import { ApplicationRules } from './application-rules.ts'
import { Applications, maySend } from './applications.ts'
import { BoundDevices } from './bound-devices.ts'
import { PushCalls } from './calls.ts'
import { ChangedSubscribers } from './changed-subscribers.ts'
import { CircuitFallback } from './circuit-fallback.ts'
import { Conservation } from './conservation.ts'
import { Decisions } from './decisions.ts'
import { Destinations } from './destinations.ts'
import type { DeviceBinding } from './device-binding.ts'
import { DeviceQueues } from './device-queues.ts'
import { Dispatch } from './dispatch.ts'
import { Explanation } from './explanation.ts'
import { FollowedApplications } from './followed-applications.ts'
import { Gateway } from './gateway.ts'
import { MessageSummaries } from './message-summaries.ts'
import { MessageOutcomes } from './outcomes.ts'
import { OwnMessages } from './own-messages.ts'
import { PushPolicing } from './policing.ts'
import { ReceiptCheck } from './receipt-check.ts'
import { Receipts } from './receipts.ts'
import { Registration } from './registration.ts'
import { nextServerOf, Relay } from './relay.ts'
import { RoamingAgreements } from './roaming.ts'
import { ServerRoutes } from './routes.ts'
import { nextServer, type StoringRules, storingRules } from './rules.ts'
import type { PushSettings } from './settings-type.ts'
import { Sources } from './source.ts'
import { Submissions } from './submissions.ts'
import { WakeProviders } from './waking/providers.ts'
import { WakeRequests } from './waking/wake-requests.ts'
import { Wakes } from './waking/wakes.ts'
import { WatchedBindings } from './watched-bindings.ts'

export type PushParts = Awaited<ReturnType<typeof openParts>>

/** Makes them at the host of an element, and loads their state. None of them has sent anything yet. */
export async function openParts(host: Host, settings: PushSettings) {
  const own: PushFlags = { operator: settings.flags ?? 0, server: settings.server ?? 0 }
  const widths: FlagWidths = { ...usualWidths, ...settings.widths }
  const rules = storingRules(settings)
  const { peers = [], servers = [] } = settings
  const fellows = servers.map(({ element }) => element)
  const subscribers = new Subscribers(host, settings.hss)
  const decisions = new Decisions(host)
  const outcomes = new MessageOutcomes(host)
  const destinations = new Destinations(host, subscribers)
  const blocking = new Blocking(host, subscribers)
  const conservation = new Conservation(host)
  const counted = conservation.host

  // applications and their rules
  const applications = new Applications({ host, settings: settings.applications ?? [], own, widths })
  const followed = new FollowedApplications(host, fellows)
  const applicationFeed = new ApplicationFeed(host, applications, fellows)
  const applicationRules = new ApplicationRules({ host, applications, followed, maxBytes: settings.maxBytes ?? 65_535 })
  const isApplication = (id: string): boolean => {
    const found = applications.ofPush(id) ?? followed.ofPush(id)
    return found !== undefined && maySend(found)
  }
  /** By the rule of an application (SPEC §5.4); without one all are. */
  const allowsReceipts = (application: string, element: string): boolean => {
    const rule = applications.get(application) ?? followed.get(application)
    const kinds: readonly string[] | undefined = rule?.receipts
    return kinds === undefined || kinds.includes(element.replace(/-notification$/, ''))
  }

  // devices, and what waits for them
  const devices = new BoundDevices(host, rules, (gone) => {
    for (const binding of gone) {
      wakes.forget(binding)
      void queues.forget(binding.subscriber, binding.device)
    }
  })
  const providers = await WakeProviders.open(host, settings.wake ?? {})
  const { allow = [], wakeExpired = false } = settings.wake ?? {}
  const wakes = new Wakes({
    allow,
    decisions,
    devices,
    host,
    providers,
    wakeExpired,
    isNeeded: (binding) => queues.isUrgentFor(binding),
    unwakeable: (binding) => queues.unwakeable(binding),
  })
  const receipts = new Receipts(
    host,
    (to, ownId, body) => ownMessages.tell(to, ownId, body),
    (id) => queues.store.message(id),
    allowsReceipts,
  )
  const queues: DeviceQueues = new DeviceQueues(counted, {
    decisions,
    devices,
    outcomes,
    receipts,
    rules,
    waking: wakes,
    relay: (uri): DeviceBinding => nextServerOf(host, routes, uri),
    isHeld: (id) => fallback?.has(id) === true,
  })
  const fallback = fallbackAt(host, settings, rules, { queues, subscribers })
  const policing = new PushPolicing(host, settings)
  const acceptance = new Acceptance({ host: counted, rules, queues, fallback, policing })

  // ways to other servers
  const fellowRoutes = servers.map(({ element, flags }) => ({ flags, server: `sip:${element}@${host.domains[0]}` }))
  const routes = new ServerRoutes({
    host,
    own: flagBits(own, widths),
    routes: [...fellowRoutes, ...peers.flatMap(({ servers: theirs = [] }) => theirs)],
    asked: settings.routes,
  })
  const ownMessages = new OwnMessages({ host, acceptance, destinations, routes, keep: rules.keep })
  const bindings = bindingsAt(host, settings, { devices, queues })

  for (const part of [applications, devices, receipts, outcomes]) await part.load()
  await fallback?.load()
  await policing.load()
  await queues.load()
  conservation.begin(queues.store.size)

  // registration
  const changes = new ChangedSubscribers({ host, blocking, devices, queues, wakes })
  const signedIn = new SignedIn(host, subscribers, {
    *owners(): Iterable<string> {
      yield* devices.owners()
      for (const { device, subscriber } of queues.store.all()) if (device !== nextServer) yield subscriber
    },
    endOld: (id, record) => changes.changed(id, record),
  })
  const roaming = new RoamingAgreements(host, peers)
  const gateway = new Gateway({ host, devices, subscribers })
  const allocation = new IdentifierAllocation({
    host,
    subscribers,
    hss: settings.hss,
    isChosenByHss: settings.allocation === 'hss',
    flags: flagBits(own, widths),
  })
  const registration = new Registration({
    host,
    allocation,
    decisions,
    devices,
    own,
    providers,
    queues,
    roaming,
    signedIn,
    subscribers,
    wakes,
    widths,
    isKeptElsewhere: bindings !== undefined,
  })
  const wakeRequests = new WakeRequests({ host, devices, wakes, proxies: settings.proxies ?? ['proxy'] })
  const summaries = new MessageSummaries({ host, queues, routes, signedIn, subscribers })

  // what a message is judged by
  const receiptCheck = new ReceiptCheck({ host, subscribers, own, allows: allowsReceipts, peers, widths, keep: rules.keep })
  await receiptCheck.load()
  const sources = new Sources({ host, subscribers, peers, isApplication, fellows: servers.map(({ flags }) => flags) })
  const aliases = new Aliases(host, settings.addressbook, decisions)
  const calls = new PushCalls({ host, blocking, decisions, destinations, routes, sources })
  const relay = settings.relay === 'store' ? new Relay({ host, rules, acceptance, decisions, receiptCheck }) : undefined
  const dispatch = new Dispatch({
    host,
    acceptance,
    aliases,
    applicationRules,
    bindings,
    blocking,
    decisions,
    destinations,
    peers,
    policing,
    receiptCheck,
    relay,
    routes,
    rules,
    sources,
  })

  // what its operator sees
  const explanation = new Explanation({ decisions, devices, host, own, queues, subscribers, wakes, widths })
  const submissions = new Submissions({ host, outcomes, queues, subscribers })
  return {
    allocation,
    applicationFeed,
    applications,
    bindings,
    calls,
    conservation,
    decisions,
    devices,
    dispatch,
    explanation,
    fallback,
    followed,
    gateway,
    outcomes,
    policing,
    queues,
    receiptCheck,
    receipts,
    registration,
    roaming,
    routes,
    signedIn,
    submissions,
    subscribers,
    summaries,
    wakeRequests,
    wakes,
  }
}

/** Short messages for who has no device, where the settings name a short message centre. */
function fallbackAt(
  host: Host,
  { smsc }: PushSettings,
  rules: StoringRules,
  { queues, subscribers }: { readonly queues: DeviceQueues; readonly subscribers: Subscribers },
): CircuitFallback | undefined {
  if (smsc === undefined) return undefined
  return new CircuitFallback({
    host,
    smsc,
    subscribers,
    after: rules.fallback,
    message: (id) => queues.store.message(id),
    delivered: (message) => queues.end([message], 'copies_delivered'),
    released: (subscriber) => queues.release(subscriber),
  })
}

/** Bindings that another element keeps, where the settings name it. */
function bindingsAt(
  host: Host,
  { bindings }: PushSettings,
  { devices, queues }: { readonly devices: BoundDevices; readonly queues: DeviceQueues },
): WatchedBindings | undefined {
  if (bindings === undefined) return undefined
  return new WatchedBindings({
    host,
    devices,
    element: serverUri(bindings, host.domains),
    bound: (subscriber, device) => queues.bound(subscriber, device),
    isAwaited: (subscriber) => queues.waitingFor(subscriber).length > 0,
  })
}
