/** Generated from the JSON Schemas beside it by `npm run types`. Do not edit. */

/**
 * Why: the asker, the end of its time, the profile of the target, its own wish, an edge of a rule’s time, or the operator.
 */
export type CancelCause = 'client' | 'expired' | 'privacy' | 'target' | 'time' | 'operator'
/**
 * Why a target has no place, or no result (SPEC §8.1).
 */
export type LocationCause =
  | 'not-subscribed'
  | 'no-cm-service'
  | 'position-failed'
  | 'position-timeout'
  | 'qos-not-met'
  | 'gmlc-unreachable'
  | 'client-unknown'
  | 'client-unreachable'
  | 'client-silent'
  | 'service-missing'
  | 'service-not-offered'
  | 'service-not-subscribed'
  | 'balance-too-low'
  | 'processing-failed'
  | 'delivery-failed'
export type AreaJson =
  | {
      readonly type: 'Polygon'
      /**
       * @minItems 1
       * @maxItems 100
       */
      readonly coordinates: readonly GeoPosition[][]
    }
  | {
      readonly type: 'Point'
      readonly coordinates: GeoPosition
      readonly radius: number
    }
  | {
      readonly type: 'Point'
      readonly coordinates: GeoPosition
      readonly ellipse: {
        readonly semiMajor: number
        readonly semiMinor: number
        readonly orientation: number
      }
    }
/**
 * @minItems 2
 * @maxItems 2
 */
export type GeoPosition = readonly number[]
/**
 * @maxItems 100
 */
export type RuleUris = readonly string[]
/**
 * @maxItems 100
 */
export type RuleNames = readonly string[]
/**
 * Area where the target has to be.
 */
export type AreaJson1 =
  | {
      readonly type: 'Polygon'
      /**
       * @minItems 1
       * @maxItems 100
       */
      readonly coordinates: readonly GeoPosition[][]
    }
  | {
      readonly type: 'Point'
      readonly coordinates: GeoPosition
      readonly radius: number
    }
  | {
      readonly type: 'Point'
      readonly coordinates: GeoPosition
      readonly ellipse: {
        readonly semiMajor: number
        readonly semiMinor: number
        readonly orientation: number
      }
    }

/**
 * From the `<name>` of `application/vnd.proxima.<name>+json` to the body.
 */
export interface Bodies {
  readonly 'aluid-update': AluidUpdate
  readonly 'aluid-update-result': AluidUpdateResult
  readonly 'attach-request': AttachRequest
  readonly 'attach-state': AttachState
  readonly 'charging-event': ChargingEvent
  readonly 'cm-release': CmRelease
  readonly 'cm-service-request': CmServiceRequest
  readonly 'epuid-binding': EpuidBinding
  readonly 'epuid-binding-result': EpuidBindingResult
  readonly 'lcs-audit': LcsAudit
  readonly 'lcs-audited': LcsAudited
  readonly 'lcs-cancel': LcsCancel
  readonly 'lcs-cancelled': LcsCancelled
  readonly 'lcs-end': LcsEnd
  readonly 'lcs-report': LcsReport
  readonly 'lcs-request': LcsRequest
  readonly 'location-cause': LocationCause
  readonly 'location-information': LocationInformation
  readonly 'location-information-ack': LocationInformationAck
  readonly 'location-log': LocationLog
  readonly 'location-quality': LocationQuality
  readonly 'location-request': LocationRequest
  readonly 'location-result': LocationResult
  readonly 'mme-context': MmeContext
  readonly 'mme-context-request': MmeContextRequest
  readonly 'mo-lr': MoLr
  readonly 'mo-lr-position': MoLrPosition
  readonly 'mo-lr-result': MoLrResult
  readonly place: Place
  readonly 'policy-query': PolicyQuery
  readonly 'privacy-answer': PrivacyAnswer
  readonly 'privacy-ask': PrivacyAsk
  readonly 'privacy-notice': PrivacyNotice
  readonly 'privacy-profile': PrivacyProfile
  readonly 'privacy-profiles': PrivacyProfiles
  readonly 'prose-context': ProseContext
  readonly 'prose-context-request': ProseContextRequest
  readonly 'prose-device': ProseDevice
  readonly 'prose-device-query': ProseDeviceQuery
  readonly 'prose-match': ProseMatch
  readonly 'prose-monitor': ProseMonitor
  readonly 'prose-registration': ProseRegistration
  readonly 'prose-registration-result': ProseRegistrationResult
  readonly 'prose-request': ProseRequest
  readonly 'prose-state': ProseState
  readonly proximate: Proximate
  readonly 'proximate-users': ProximateUsers
  readonly 'proximity-diff': ProximityDiff
  readonly 'proximity-list': ProximityList
  readonly 'proximity-pair': ProximityPair
  readonly 'proximity-query': ProximityQuery
  readonly 'push-allocation': PushAllocation
  readonly 'push-allocation-request': PushAllocationRequest
  readonly 'push-application': PushApplication
  readonly 'push-applications': PushApplications
  readonly 'push-directory': PushDirectory
  readonly 'push-identifier': PushIdentifier
  readonly 'push-identifier-request': PushIdentifierRequest
  readonly 'push-query': PushQuery
  readonly 'push-routes': PushRoutes
  readonly 'push-wake': PushWake
  readonly 'ran-location-report': RanLocationReport
  readonly 'ran-location-request': RanLocationRequest
  readonly 'registration-code': RegistrationCode
  readonly 'registration-code-request': RegistrationCodeRequest
  readonly 'service-policy': ServicePolicy
  readonly subscriber: SubscriberRecord
  readonly 'subscriber-location-report': SubscriberLocationReport
  readonly 'subscriber-location-report-ack': SubscriberLocationReportAck
  readonly 'subscriber-settings': SubscriberSettings
  readonly 'subscription-data': SubscriptionData
  readonly 'subscription-query': SubscriptionQuery
  readonly 'user-registration': UserRegistration
}
/**
 * A device has moved: its EPUID and the address of its ProSe server are others now (SPEC §4).
 */
export interface AluidUpdate {
  readonly aluid: string
  readonly epuid: string
  readonly prose: string
}
/**
 * The application server's answer to an aluid-update, sent by the new address (SPEC §4).
 */
export interface AluidUpdateResult {
  readonly aluid: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'aluid-unknown'
}
/**
 * A UE attaches to an MME (SPEC §3.6).
 */
export interface AttachRequest {
  /**
   * By its fixed identifier, or the temporary one that it has here. Left out: the asserted identity.
   */
  readonly device?: string
  /**
   * Left out: as the former MME knows them.
   */
  readonly capabilities?: {
    /**
     * Has a ProSe client.
     */
    readonly prose: boolean
  }
  /**
   * It moves here: its temporary identifier, and the URI, or host, of the MME that gave it.
   */
  readonly former?: {
    readonly temporary: string
    readonly mme: string
  }
}
/**
 * State of an attached UE, as its MME tells it (SPEC §3.6): its temporary identifier, a new one at each reallocation.
 */
export interface AttachState {
  readonly version: number
  readonly temporary: string
  /**
   * Until when it will be replaced; the old one still counts for a grace period.
   */
  readonly validUntil: string
}
/**
 * Chargeable events of one element in the order of its own numbers, which have no gap (SPEC §6.2).
 */
export interface ChargingEvent {
  /**
   * The element, and which life of its store.
   */
  readonly source: string
  /**
   * @minItems 1
   * @maxItems 100
   */
  readonly events: readonly Charge[]
}
export interface Charge {
  readonly number: number
  readonly at: string
  /**
   * void: a number that was never used.
   */
  readonly event: 'allocation' | 'feedback' | 'push' | 'location' | 'void'
  readonly service: 'proximity' | 'push' | 'location'
  readonly device?: string
  readonly application?: string
}
/**
 * A UE of the circuit-switched domain needs nothing more (SPEC §8.1).
 */
export interface CmRelease {}
/**
 * A UE of the circuit-switched domain asks to be served (SPEC §8.1).
 */
export interface CmServiceRequest {}
/**
 * An application server tells the ProSe server which ALUID belongs to an EPUID (SPEC §4 step 3), or no longer does.
 */
export interface EpuidBinding {
  readonly epuid: string
  readonly aluid: string
  readonly device: string
  readonly application: string
  /**
   * The user is none any more.
   */
  readonly release?: boolean
}
/**
 * The ProSe server's answer to an epuid-binding (SPEC §4 step 4).
 */
export interface EpuidBindingResult {
  readonly epuid: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'epuid-unknown' | 'bound'
}
/**
 * A stage that has been restarted asks another which requests of theirs it does not know (SPEC §8.3).
 */
export interface LcsAudit {
  /**
   * Requests that it has of, or from, the other one.
   *
   * @minItems 1
   * @maxItems 1000
   */
  readonly requests: readonly string[]
}
/**
 * The answer to lcs-audit.
 */
export interface LcsAudited {
  /**
   * Requests of these that the other one does not have.
   *
   * @minItems 0
   * @maxItems 1000
   */
  readonly unknown: readonly string[]
}
/**
 * Requests about a target that are to end (SPEC §8.3).
 */
export interface LcsCancel {
  readonly target: string
  readonly cause: CancelCause
  /**
   * @minItems 1
   * @maxItems 1000
   */
  readonly requests: readonly string[]
  /**
   * Version of the profile that ended them.
   */
  readonly profile?: number
  readonly part?: number
  /**
   * Parts of the whole, each a message of its own.
   */
  readonly of?: number
}
/**
 * The answer to lcs-cancel: what has become of each request (SPEC §8.3).
 */
export interface LcsCancelled {
  /**
   * They have ended.
   *
   * @maxItems 1000
   */
  readonly cancelled: readonly string[]
  /**
   * Nobody knows them, so that they have ended too.
   *
   * @maxItems 1000
   */
  readonly unknown: readonly string[]
  /**
   * Their UE is away, and hears of it when it is back.
   *
   * @maxItems 1000
   */
  readonly waiting: readonly string[]
}
/**
 * A target ends requests about it (SPEC §8.3).
 */
export interface LcsEnd {
  /**
   * The target, by word of an element that speaks for its users. Left out: the sender.
   */
  readonly target?: string
  /**
   * @minItems 1
   * @maxItems 1000
   */
  readonly requests: readonly string[]
}
/**
 * A report of the core network on its way to the asker (SPEC §8.2).
 */
export interface LcsReport {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly seq: number
  readonly state: 'active' | 'report' | 'done' | 'failed'
  readonly place?: Place
  readonly cause?: LocationCause
  /**
   * Type area: what has happened; left out: the first state, or the place again.
   */
  readonly event?: 'enter' | 'leave' | 'inside'
  /**
   * Type area: whether the target is in it.
   */
  readonly inside?: boolean
  readonly at: string
}
/**
 * Place of a target, as it was measured (SPEC §8).
 */
export interface Place {
  readonly point: GeoJsonPoint
  /**
   * Metres around the point; neither radius nor ellipse: the point alone.
   */
  readonly radius?: number
  readonly ellipse?: PlaceEllipse
  /**
   * Percent; left out: not known.
   */
  readonly confidence?: number
  readonly at: string
  /**
   * As IANA lists it: Cell, OTDOA, A-GNSS.
   */
  readonly method?: string
  readonly civic?: CivicPlace
}
export interface GeoJsonPoint {
  readonly type: 'Point'
  /**
   * Longitude and latitude, in degrees.
   *
   * @minItems 2
   * @maxItems 2
   */
  readonly coordinates: [number, number]
}
export interface PlaceEllipse {
  /**
   * Metres.
   */
  readonly semiMajor: number
  /**
   * Metres.
   */
  readonly semiMinor: number
  /**
   * Degrees of the major axis from north, eastward.
   */
  readonly orientation: number
}
/**
 * Elements of RFC 5139.
 */
export interface CivicPlace {
  readonly country?: string
  readonly A1?: string
  readonly A2?: string
  readonly A3?: string
  readonly A4?: string
  readonly A5?: string
  readonly A6?: string
}
/**
 * A request on its way to the core network (SPEC §8.2).
 */
export interface LcsRequest {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly target: string
  readonly client: string
  readonly requestor: string
  readonly type: 'immediate' | 'at' | 'available' | 'periodic' | 'area' | 'moved'
  readonly service?: string
  readonly qos?: LocationQuality
  /**
   * Seconds: a known place that is so old will do.
   */
  readonly age?: number
  /**
   * Type at: when it is reported.
   */
  readonly time?: string
  /**
   * Type available: attach, the action of the target that is waited for. Type area: its events.
   */
  readonly on?: 'attach' | readonly ('enter' | 'leave' | 'inside')[]
  /**
   * Type periodic: seconds between two reports.
   */
  readonly period?: number
  /**
   * Type periodic: reports at most.
   */
  readonly count?: number
  /**
   * Type periodic: no report before it. Left out: now.
   */
  readonly start?: string
  /**
   * The request ends then. Left out: with its subscription.
   */
  readonly stop?: string
  readonly area?: AreaJson
  /**
   * Types area and moved: whether the first event ends the request.
   */
  readonly repeat?: 'once' | 'each'
  /**
   * Types area and moved: seconds between two events, at least.
   */
  readonly minInterval?: number
  /**
   * Types area and moved: seconds after which the place is told again.
   */
  readonly maxInterval?: number
  /**
   * Type area: whether the place is told. Left out: it is.
   */
  readonly report?: 'position' | 'event'
  /**
   * Type moved: metres from the last report.
   */
  readonly distance?: number
  /**
   * Number of the last report that came: the next has a greater one. Left out: none has.
   */
  readonly seq?: number
}
/**
 * Quality that a measured place has to have (SPEC §8.1).
 */
export interface LocationQuality {
  /**
   * assured: nothing is told where it is not met.
   */
  readonly class: 'assured' | 'best-effort'
  /**
   * Metres.
   */
  readonly accuracy?: number
  /**
   * Seconds; left out: 15.
   */
  readonly responseTime?: number
}
/**
 * A place for an LCS client, of a target that wants it processed (SPEC §8.1).
 */
export interface LocationInformation {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly target: string
  readonly place: Place
  readonly service?: string
  readonly deliver?: 'chain' | 'sms' | 'mms'
  /**
   * Time after which nobody awaits the outcome: the place is not processed then.
   */
  readonly until?: string
}
/**
 * Outcome of a place at an LCS client (SPEC §8.1).
 */
export interface LocationInformationAck {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly handled: boolean
  readonly cause?: LocationCause
  readonly result?: LocationResult
}
/**
 * Result that the client has made of the place: a text, or the reference to a picture.
 */
export interface LocationResult {
  /**
   * Media type.
   */
  readonly type: string
  readonly text?: string
  readonly url?: string
  readonly until?: string
}
/**
 * The requests about a target, for the target alone (SPEC §8.3). No place is in it.
 */
export interface LocationLog {
  readonly version: number
  /**
   * Requests that wait for something, the oldest first.
   *
   * @maxItems 50
   */
  readonly active: readonly ActiveLocationRequest[]
  /**
   * Requests that were told a place within a day and are over, the latest first.
   *
   * @maxItems 50
   */
  readonly past: readonly PastLocationRequest[]
}
export interface ActiveLocationRequest {
  readonly request: string
  readonly requestor: string
  readonly client: string
  readonly type: 'immediate' | 'at' | 'available' | 'periodic' | 'area' | 'moved'
  readonly since: string
}
export interface PastLocationRequest {
  readonly request: string
  readonly requestor: string
  readonly client: string
  readonly type: 'immediate' | 'at' | 'available' | 'periodic' | 'area' | 'moved'
  readonly since: string
  /**
   * When they were told last.
   */
  readonly at: string
}
/**
 * Somebody asks where a target is (SPEC §8.2).
 */
export interface LocationRequest {
  readonly type: 'immediate' | 'at' | 'available' | 'periodic' | 'area' | 'moved'
  /**
   * Requestor, by word of an LCS client; left out: the subscriber.
   */
  readonly requestor?: string
  readonly service?: string
  /**
   * Word that the target has given to whoever may ask.
   */
  readonly codeword?: string
  readonly qos?: LocationQuality
  /**
   * Seconds: a known place that is so old will do.
   */
  readonly age?: number
  /**
   * Type at: when it is reported.
   */
  readonly time?: string
  /**
   * Type available: attach, the action of the target that is waited for. Type area: its events.
   */
  readonly on?: 'attach' | readonly ('enter' | 'leave' | 'inside')[]
  /**
   * Type periodic: seconds between two reports.
   */
  readonly period?: number
  /**
   * Type periodic: reports at most.
   */
  readonly count?: number
  /**
   * Type periodic: no report before it. Left out: now.
   */
  readonly start?: string
  /**
   * The request ends then. Left out: with its subscription.
   */
  readonly stop?: string
  readonly area?: AreaJson
  /**
   * Types area and moved: whether the first event ends the request.
   */
  readonly repeat?: 'once' | 'each'
  /**
   * Types area and moved: seconds between two events, at least.
   */
  readonly minInterval?: number
  /**
   * Types area and moved: seconds after which the place is told again.
   */
  readonly maxInterval?: number
  /**
   * Type area: whether the place is told. Left out: it is.
   */
  readonly report?: 'position' | 'event'
  /**
   * Type moved: metres from the last report.
   */
  readonly distance?: number
}
/**
 * The answer to an mme-context-request.
 */
export interface MmeContext {
  readonly device: string
  /**
   * Absent: no such context.
   */
  readonly capabilities?: {
    /**
     * Has a ProSe client.
     */
    readonly prose: boolean
  }
}
/**
 * An MME asks another for the context of a UE that has moved to it (SPEC §3.6).
 */
export interface MmeContextRequest {
  readonly device: string
  readonly temporary: string
  /**
   * It is at home here now: let it go.
   */
  readonly release?: boolean
}
/**
 * A target asks where it is, and may have that processed (SPEC §8.1).
 */
export interface MoLr {
  /**
   * LCS client that is to process the place; left out: the place alone is wanted.
   */
  readonly client?: string
  /**
   * Service of that client; left out: its only one.
   */
  readonly service?: string
  readonly qos?: LocationQuality
  /**
   * Seconds: a known place that is so old will do.
   */
  readonly age?: number
  /**
   * The place is told at once, before the client has it.
   */
  readonly position?: 'first'
  /**
   * Way on which the result comes; left out: as the service has it.
   */
  readonly deliver?: 'chain' | 'sms' | 'mms'
}
/**
 * The place of a target that wanted it first (SPEC §8.1).
 */
export interface MoLrPosition {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly place: Place
}
/**
 * Outcome of an MO-LR (SPEC §8.1): a place or a cause, and what became of it at the client.
 */
export interface MoLrResult {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly place?: Place
  readonly client?: MoLrClientOutcome
  readonly result?: LocationResult
  readonly cause?: LocationCause
}
export interface MoLrClientOutcome {
  /**
   * The client has the place.
   */
  readonly passed: boolean
  /**
   * It has processed it.
   */
  readonly handled: boolean
  readonly cause?: LocationCause
}
/**
 * Which device wants which service, and what it has used of what it was granted (SPEC §6.2). Without a body: which services are open to all.
 */
export interface PolicyQuery {
  readonly device: string
  readonly service: 'proximity' | 'push' | 'location'
  /**
   * The asker's name for this question, kept when it asks again.
   */
  readonly lease: string
  /**
   * Units used since the lease began.
   */
  readonly used?: number
  /**
   * Nothing more is wanted: what was granted and not used goes back.
   */
  readonly done?: boolean
}
/**
 * Answer of a target to a privacy-ask (SPEC §8.2).
 */
export interface PrivacyAnswer {
  readonly question: string
  readonly answer: 'allow' | 'deny'
  /**
   * once: for this question alone; left out: the same.
   */
  readonly remember?: 'once' | 'always' | 'never'
}
/**
 * A target is asked whether somebody may be told where it is (SPEC §8.2, modes ask-allow and ask-deny).
 */
export interface PrivacyAsk {
  readonly question: string
  readonly requestor: string
  readonly client: string
  readonly service?: string
  /**
   * Metres, to which it would be told; left out: exactly.
   */
  readonly precision?: number
  /**
   * Time after which no answer counts.
   */
  readonly until: string
}
/**
 * A target is told who is told where it is (SPEC §8.2, mode notify).
 */
export interface PrivacyNotice {
  readonly requestor: string
  readonly client: string
  readonly service?: string
  readonly at: string
}
/**
 * A target tells who may know where it is (SPEC §8.4). Rules only grant: without any nobody may.
 */
export interface PrivacyProfile {
  /**
   * Subscriber whose it is, by word of an element that speaks for its users. Left out: the sender.
   */
  readonly target?: string
  /**
   * Version that it takes the place of. Left out: whichever is in force.
   */
  readonly replaces?: number
  /**
   * @maxItems 100
   */
  readonly rules: readonly PrivacyProfileRule[]
}
export interface PrivacyProfileRule {
  readonly id: string
  /**
   * One of these, or of these domains without the exceptions. Left out: anybody.
   */
  readonly who?: {
    readonly one?: RuleUris
    /**
     * @maxItems 100
     */
    readonly domain?: readonly string[]
    readonly except?: RuleUris
  }
  readonly client?: RuleNames
  readonly service?: RuleNames
  /**
   * To be shown by who asks.
   */
  readonly codeword?: string
  /**
   * A codeword as the register tells it, in its place: the one that this profile has.
   */
  readonly sealed?: string
  readonly from?: string
  readonly until?: string
  readonly weekly?: {
    /**
     * @minItems 1
     */
    readonly days: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[]
    readonly hours: string
    /**
     * IANA name: `Europe/Berlin`.
     */
    readonly zone: string
  }
  readonly in?: AreaJson1
  readonly mode: 'allow' | 'notify' | 'ask-allow' | 'ask-deny'
  /**
   * Metres, or exact. Left out: no place is told.
   */
  readonly precision?: 'exact' | number
  readonly civic?: 'country' | 'region' | 'city' | 'full'
  /**
   * Events of areas may be told without a place.
   */
  readonly events?: true
}
/**
 * The register tells profiles that are in force (SPEC §8.4).
 */
export interface PrivacyProfiles {
  /**
   * Of the last change of any.
   */
  readonly version: number
  /**
   * @maxItems 10000
   */
  readonly profiles: readonly VersionedPrivacyProfile[]
}
export interface VersionedPrivacyProfile {
  readonly target: string
  /**
   * 0: as the settings have it.
   */
  readonly version: number
  /**
   * @maxItems 100
   */
  readonly rules: readonly PrivacyProfileRule[]
}
/**
 * Context of a device that moves to another ProSe server, as the former one knows it (SPEC §4).
 */
export interface ProseContext {
  readonly epuid: string
  /**
   * @maxItems 1000
   */
  readonly bindings?: readonly ContextBinding[]
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'epuid-unknown'
}
export interface ContextBinding {
  readonly application: string
  readonly server: string
  readonly aluid: string
}
/**
 * A ProSe server to which a device has moved asks the former one for its context, or lets it release that (SPEC §4).
 */
export interface ProseContextRequest {
  readonly epuid: string
  readonly device: string
  /**
   * The device is at home with the asker now.
   */
  readonly release?: boolean
}
/**
 * The answer to a prose-device-query.
 */
export interface ProseDevice {
  readonly device: string
  /**
   * It has the proximity service here; it is known here by automated registration; or neither.
   */
  readonly at: 'service' | 'home' | 'elsewhere'
}
/**
 * A ProSe server asks another whether a device is at home there (SPEC §3.3): who asks about a device need not know where that is.
 */
export interface ProseDeviceQuery {
  readonly device: string
}
/**
 * Codes that a device heard, and those that it hears no more (SPEC §3.2).
 */
export interface ProseMatch {
  /**
   * @maxItems 1000
   */
  readonly heard: readonly HeardCode[]
  /**
   * When this is sent, by the clock by which it was heard: that may be wrong then. Left out: the header field Date, if there is one.
   */
  readonly sent?: string
  /**
   * @maxItems 1000
   */
  readonly lost?: readonly string[]
}
export interface HeardCode {
  readonly code: string
  /**
   * When it was heard. A time that is yet to come counts as now; one longer ago than the lifetime of an entry changes nothing, nor does one that is not newer than what is known.
   */
  readonly at: string
  /**
   * dBm
   */
  readonly rssi?: number
  /**
   * The peer answered a challenge over the air (SPEC §7).
   */
  readonly confirmed?: boolean
}
/**
 * An application server changes what a device listens for (SPEC §3.1, FIG 9): `set` replaces what was triggered before, then `add` and `remove` apply.
 */
export interface ProseMonitor {
  readonly device: string
  readonly application?: string
  /**
   * @maxItems 1000
   */
  readonly set?: readonly string[]
  /**
   * @maxItems 1000
   */
  readonly add?: readonly string[]
  /**
   * @maxItems 1000
   */
  readonly remove?: readonly string[]
}
/**
 * A UE registers its user with an application server (SPEC §4 step 2).
 */
export interface ProseRegistration {
  readonly epuid: string
  /**
   * URI, or host, of the ProSe server. Left out: as the dialplan has it.
   */
  readonly prose?: string
  readonly user: string
  readonly application: string
  /**
   * HMAC-SHA-256 in base64url by the secret of the user, of EPUID, user and application with a line feed between them. Of a subscriber under his own identifier, whom the network has authenticated already: anything.
   */
  readonly proof: string
  /**
   * Users whom to look for. Left out: every user of the application.
   *
   * @maxItems 1000
   */
  readonly friends?: readonly string[]
}
/**
 * The application server's answer to a prose-registration (SPEC §4 step 5): the ALUID, or why there is none.
 */
export interface ProseRegistrationResult {
  readonly user: string
  readonly aluid?: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'not-permitted' | 'epuid-unknown' | 'bound' | 'prose-unreachable' | 'not-stored'
}
/**
 * Request of a device for the proximity service (SPEC §3.1). Without a body: both roles, for the asserted identity.
 */
export interface ProseRequest {
  readonly device?: string
  /**
   * @minItems 1
   * @maxItems 2
   */
  readonly roles?: readonly ('discoverable' | 'discoverer')[]
  readonly application?: string
}
/**
 * Grant of a device, with the code that it announces and those that it listens for (SPEC §3.1).
 */
export interface ProseState {
  readonly version: number
  readonly device: string
  readonly roles: readonly ('discoverable' | 'discoverer')[]
  readonly announce?: Announce
  readonly monitor?: Monitor
  readonly report?: Report
}
/**
 * Only if discoverable.
 */
export interface Announce {
  readonly code: string
  readonly validUntil: string
  /**
   * Whether to broadcast now.
   */
  readonly active: boolean
}
/**
 * Only if discoverer. In mode `all` the list is empty and every code counts.
 */
export interface Monitor {
  readonly mode: 'listed' | 'all'
  readonly codes: readonly string[]
}
/**
 * Only if discoverer: how to report what is heard.
 */
export interface Report {
  /**
   * Seconds after which a code is reported again.
   */
  readonly refresh: number
  /**
   * True: only codes count that are confirmed over the air.
   */
  readonly confirmed?: boolean
}
/**
 * One member of a proximate list (SPEC §3.3).
 */
export interface Proximate {
  readonly device: string
  readonly since: string
  readonly lastHeard: string
  /**
   * dBm
   */
  readonly rssi?: number
}
/**
 * Users of one application near a user of it (SPEC §3.5).
 */
export interface ProximateUsers {
  readonly version: number
  readonly user: string
  readonly application: string
  readonly proximate: readonly ProximateUser[]
}
export interface ProximateUser {
  readonly user: string
  readonly since: string
  readonly lastHeard: string
}
/**
 * Changes of a proximate list (SPEC §3.4). `full`: forget what was known, `added` is everything. Versions are consecutive; after a gap, refresh.
 */
export interface ProximityDiff {
  readonly version: number
  readonly device: string
  readonly full: boolean
  readonly added: readonly Proximate[]
  readonly removed: readonly string[]
  readonly refreshed: readonly Proximate[]
}
/**
 * Devices near a device, or the members of a set that are (SPEC §3.3).
 */
export interface ProximityList {
  readonly version: number
  readonly device: string
  readonly proximate: readonly Proximate[]
}
/**
 * Relation of two devices: whether one hears the other (SPEC §3.3).
 */
export interface ProximityPair {
  readonly device: string
  readonly peer: string
  readonly proximate: boolean
}
/**
 * Question which devices are near one (SPEC §3.3): everybody, one peer, or some of a set of peers.
 */
export interface ProximityQuery {
  readonly device?: string
  readonly peer?: string
  /**
   * @minItems 1
   * @maxItems 1000
   */
  readonly peers?: readonly string[]
  /**
   * With `peers`: have them start broadcasting.
   */
  readonly wake?: boolean
  /**
   * Only where both hear each other.
   */
  readonly mutual?: boolean
  readonly application?: string
}
/**
 * The answer to a push-allocation-request (SPEC §6.1): the identifier that the record has now, or why it has none.
 */
export interface PushAllocation {
  readonly device: string
  /**
   * A Push identifier.
   */
  readonly id?: string
  /**
   * It ends then.
   */
  readonly validUntil?: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'unknown' | 'not-permitted' | 'too-many' | 'taken' | 'unavailable'
}
/**
 * A Push server has the HSS give a subscriber a Push identifier (SPEC §6.1).
 */
export interface PushAllocationRequest {
  readonly device: string
  /**
   * Flag bits under which it is to be.
   */
  readonly flags: string
  /**
   * Chosen by the Push server. Left out: the HSS chooses.
   */
  readonly id?: string
  /**
   * It is short-lived. Left out: it stays.
   */
  readonly validUntil?: string
}
/**
 * An application that sends by Push, with the rule for what it sends (SPEC §5.4).
 */
export interface PushApplication {
  /**
   * A reverse-DNS name, a kind such as kind:image.viewer, or a media type.
   */
  readonly id: string
  /**
   * For people.
   */
  readonly name?: string
  readonly state: 'requested' | 'approved' | 'refused' | 'invited' | 'consented' | 'revoked'
  /**
   * Class of its messages, which orders them: priority goes first, authenticate last.
   */
  readonly sending: 'authenticate' | 'priority' | 'min-delay'
  /**
   * Media types that it may send, such as text/plain or image/*. Left out: any.
   *
   * @maxItems 64
   */
  readonly types?: readonly string[]
  /**
   * Media types whose messages are its own where they name no application.
   *
   * @maxItems 64
   */
  readonly default?: readonly string[]
  /**
   * Of one body. Left out: as the server has it.
   */
  readonly maxBytes?: number
  readonly rate?: ApplicationRate
  readonly perRecipient?: RecipientRate
  /**
   * true: for sources too for whom nobody vouches.
   */
  readonly anonymous?: boolean
  /**
   * Applications that may open what it sends, in this order.
   *
   * @maxItems 16
   */
  readonly similar?: readonly string[]
  /**
   * Services of RFC 6050 that stand for it.
   *
   * @maxItems 16
   */
  readonly services?: readonly string[]
  /**
   * Receipts that its senders may ask for. Left out: all.
   *
   * @maxItems 3
   */
  readonly receipts?: readonly ('delivery' | 'display' | 'processing')[]
  /**
   * Push identifier of its own, given with approved or consented.
   */
  readonly push?: string
}
/**
 * Messages of the application at one server: a second in the long run, and at once. Left out: any.
 */
export interface ApplicationRate {
  readonly rate: number
  readonly burst: number
}
/**
 * The same of those for one recipient.
 */
export interface RecipientRate {
  readonly rate: number
  readonly burst: number
}
/**
 * Applications that a Push server has approved, or has revoked since, for other servers (SPEC §5.4).
 */
export interface PushApplications {
  readonly version: number
  /**
   * @maxItems 10000
   */
  readonly applications: readonly PushApplication[]
}
/**
 * Answer of an address book (SPEC §5.3): entries that the asker may see. Unknown and hidden look the same: no entries.
 */
export interface PushDirectory {
  /**
   * The answer may be kept until then.
   */
  readonly validUntil: string
  /**
   * @maxItems 100
   */
  readonly entries: readonly PushDirectoryEntry[]
}
export interface PushDirectoryEntry {
  /**
   * Of a Push identifier.
   */
  readonly uri?: string
  readonly name?: string
  readonly nickname?: string
  readonly number?: string
  readonly application?: string
  /**
   * Push server of the asker: to `self` alone.
   */
  readonly server?: string
}
/**
 * The answer to a push-identifier-request (SPEC §5.1): the identifier, or why there is none.
 */
export interface PushIdentifier {
  /**
   * A Push identifier.
   */
  readonly id?: string
  /**
   * It ends then.
   */
  readonly validUntil?: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'not-permitted' | 'too-many' | 'unavailable'
}
/**
 * A subscriber asks a Push server for a short-lived Push identifier (SPEC §5.1).
 */
export interface PushIdentifierRequest {
  /**
   * Seconds for which it is to hold.
   */
  readonly seconds: number
}
/**
 * Question of an address book (SPEC §5.3): one member beside `limit` says by which name the Push identifier is wanted.
 */
export interface PushQuery {
  readonly name?: string
  readonly number?: string
  readonly nickname?: string
  /**
   * A URI, or a user with a domain.
   */
  readonly address?: string
  /**
   * Any of these four.
   */
  readonly alias?: string
  /**
   * A Push identifier, or the URI of one.
   */
  readonly id?: string
  /**
   * Name or identifier of an application.
   */
  readonly application?: string
  /**
   * A media type that an application is to take.
   */
  readonly content?: string
  /**
   * The asker.
   */
  readonly self?: true
  /**
   * Entries at most. Left out: 20.
   */
  readonly limit?: number
}
/**
 * Flag-bit table of an operator (SPEC §5.2): which Push server has the identifiers that begin with those bits.
 */
export interface PushRoutes {
  /**
   * Rises with each change.
   */
  readonly version: number
  readonly widths: PushWidths
  /**
   * @maxItems 500
   */
  readonly routes: readonly PushRoute[]
}
/**
 * Bits of an identifier that name operator and server.
 */
export interface PushWidths {
  readonly operator: number
  readonly server: number
}
export interface PushRoute {
  readonly flags: string
  readonly server: string
}
/**
 * MESSAGE of a proxy to a Push server: a request waits for a device that sleeps (SPEC §5.8).
 */
export interface PushWake {
  /**
   * address of record
   */
  readonly user: string
  /**
   * its +sip.instance, or pn- and a name of its PRID
   */
  readonly device: string
}
/**
 * The radio network tells where a target is, or why not (SPEC §8.1).
 */
export interface RanLocationReport {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly place?: Place
  readonly cause?: LocationCause
}
/**
 * The core network asks where a target is (SPEC §8.1).
 */
export interface RanLocationRequest {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  /**
   * The report of the request that it is for: each is measured once. Left out: its only one.
   */
  readonly seq?: number
  readonly target: string
  readonly qos?: LocationQuality
  /**
   * Seconds: a known place that is so old will do.
   */
  readonly age?: number
}
/**
 * The answer to a registration-code-request (SPEC §4 step 1): an EPUID, or why there is none.
 */
export interface RegistrationCode {
  readonly device: string
  readonly epuid?: string
  /**
   * Why it failed; absent: it did not.
   */
  readonly cause?: 'not-capable' | 'not-subscribed' | 'context-unknown' | 'server-unreachable' | 'application-server-unreachable'
}
/**
 * A device asks for the first identifier of automated registration, its EPUID (SPEC §4 step 1).
 */
export interface RegistrationCodeRequest {
  readonly device: string
  readonly capabilities: UeCapabilities
  readonly former?: FormerServer
}
export interface UeCapabilities {
  /**
   * Has a ProSe client.
   */
  readonly prose: boolean
}
/**
 * The device moves here: its EPUID, and the URI, or host, of the ProSe server that gave it.
 */
export interface FormerServer {
  readonly epuid: string
  readonly prose: string
}
/**
 * Decision whether a device may use a service now (SPEC §6.2); or, with `open`, the services that nobody need ask about.
 */
export interface ServicePolicy {
  readonly version: number
  readonly open?: readonly ('proximity' | 'push' | 'location')[]
  readonly device?: string
  readonly service?: 'proximity' | 'push' | 'location'
  readonly decision?: 'allow' | 'deny'
  /**
   * Of the service proximity: the roles that are allowed. Left out: both.
   */
  readonly roles?: readonly ('discoverable' | 'discoverer')[]
  readonly granted?: Granted
  readonly cause?: string
}
/**
 * Absent: no limit.
 */
export interface Granted {
  /**
   * Units since the lease began, used ones included.
   */
  readonly count?: number
  /**
   * When to ask again.
   */
  readonly until?: string
}
/**
 * One subscriber, as the HSS tells of it (SPEC §6.1). All identifiers are canonical.
 */
export interface SubscriberRecord {
  readonly id: string
  readonly aliases?: readonly string[]
  readonly credentials?: Credentials
  /**
   * The same of further user names by which the subscriber may sign in: a private identity, aliases. Only the proxy is told.
   */
  readonly usernames?: {
    readonly [k: string]: UsernameCredentials
  }
  /**
   * Names the credentials and tells nothing of them: another one, and what was begun with the old ones is over.
   */
  readonly credentialsId?: string
  readonly permissions: Permissions
  /**
   * Of its terminal in the circuit-switched domain.
   */
  readonly imsi?: string
  readonly moLr?: MoLrPermission
  readonly friends?: readonly string[]
  readonly watchers?: WatcherRules
  /**
   * Application servers that may act for the subscriber.
   */
  readonly servers?: readonly ServerGrant[]
  /**
   * Push identifiers of the subscriber (SPEC §5.1).
   *
   * @maxItems 16
   */
  readonly push?: readonly PushIdentifierRecord[]
  readonly directory?: DirectoryRecord
}
/**
 * H(A1) in hex, per algorithm. Only the proxy is told.
 */
export interface Credentials {
  readonly MD5?: string
  readonly 'SHA-256'?: string
}
export interface UsernameCredentials {
  readonly MD5?: string
  readonly 'SHA-256'?: string
}
export interface Permissions {
  /**
   * May be discovered.
   */
  readonly discoverable: boolean
  /**
   * May discover.
   */
  readonly discoverer: boolean
  /**
   * May be given Push identifiers. Left out: may not.
   */
  readonly push?: boolean
}
/**
 * May ask where it is (MO-LR, SPEC §8.1), for these services; left out: may not.
 */
export interface MoLrPermission {
  /**
   * Left out: for any.
   *
   * @maxItems 100
   */
  readonly services?: readonly MoLrService[]
}
export interface MoLrService {
  readonly client: string
  readonly service: string
}
/**
 * Watchers of the subscriber's presence, beside friends (RFC 5025).
 */
export interface WatcherRules {
  readonly allow?: readonly string[]
  readonly block?: readonly string[]
  readonly polite?: readonly string[]
  /**
   * Everybody else. Left out: as the presence element has it.
   */
  readonly others?: 'allow' | 'block' | 'polite' | 'confirm'
}
export interface ServerGrant {
  readonly uri: string
  readonly application: string
}
export interface PushIdentifierRecord {
  /**
   * 16 hex digits, not all of them decimal; the leading flag bits name operator and server.
   */
  readonly id: string
  /**
   * A Push string that stands for it.
   */
  readonly string?: string
  /**
   * The only device that it belongs to: its +sip.instance, or its Contact.
   */
  readonly device?: string
  readonly validUntil?: string
  readonly state: 'active' | 'revoked'
}
/**
 * Names of the subscriber in the address book of the network (SPEC §5.3).
 */
export interface DirectoryRecord {
  readonly name?: string
  readonly nickname?: string
  /**
   * Everybody may find the subscriber. Left out: friends alone.
   */
  readonly listed?: boolean
}
/**
 * A place on its way to the client that its target has named (SPEC §8.1).
 */
export interface SubscriberLocationReport {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly target: string
  readonly place: Place
  readonly client: string
  readonly service?: string
  readonly deliver?: 'chain' | 'sms' | 'mms'
}
/**
 * The same on its way back to the core network (SPEC §8.1).
 */
export interface SubscriberLocationReportAck {
  /**
   * The request, by one identifier on every leg.
   */
  readonly request: string
  readonly handled: boolean
  readonly cause?: LocationCause
  readonly result?: LocationResult
  /**
   * The client has the place.
   */
  readonly passed: boolean
}
/**
 * A subscriber as provisioned by dialplan, file or command line (SPEC §6.1). Identifiers in any form; a bare name is a user of the first domain.
 */
export interface SubscriberSettings {
  readonly id: string
  /**
   * Kept as H(A1) only.
   */
  readonly password?: string
  readonly credentials?: CredentialSettings
  readonly aliases?: readonly string[]
  readonly permissions: PermissionSettings
  /**
   * Of its terminal in the circuit-switched domain.
   */
  readonly imsi?: string
  readonly moLr?: MoLrSettings
  readonly friends?: readonly string[]
  readonly watchers?: WatcherSettings
  /**
   * Application servers that may act for the subscriber.
   */
  readonly servers?: readonly ServerSettings[]
  /**
   * Push identifiers of the subscriber (SPEC §5.1).
   *
   * @maxItems 16
   */
  readonly push?: readonly PushIdentifierSettings[]
  readonly directory?: DirectorySettings
}
/**
 * H(A1) in hex, per algorithm, of user and first domain; instead of a password.
 */
export interface CredentialSettings {
  readonly MD5?: string
  readonly 'SHA-256'?: string
}
export interface PermissionSettings {
  readonly discoverable: boolean
  readonly discoverer: boolean
  readonly push?: boolean
}
/**
 * May ask where it is (MO-LR, SPEC §8.1), for these services; left out: may not.
 */
export interface MoLrSettings {
  /**
   * Left out: for any.
   *
   * @maxItems 100
   */
  readonly services?: readonly MoLrServiceSettings[]
}
export interface MoLrServiceSettings {
  readonly client: string
  readonly service: string
}
/**
 * Watchers of the subscriber's presence, beside friends: allow, block (refused), polite (sees somebody who is never there); others: what holds for everybody else.
 */
export interface WatcherSettings {
  readonly allow?: readonly string[]
  readonly block?: readonly string[]
  readonly polite?: readonly string[]
  readonly others?: 'allow' | 'block' | 'polite' | 'confirm'
}
export interface ServerSettings {
  readonly uri: string
  readonly application: string
}
export interface PushIdentifierSettings {
  /**
   * 16 hex digits, not all of them decimal; the leading flag bits name operator and server.
   */
  readonly id: string
  /**
   * A Push string that stands for it.
   */
  readonly string?: string
  /**
   * The only device that it belongs to: its +sip.instance, or its Contact.
   */
  readonly device?: string
  readonly validUntil?: string
  readonly state?: 'active' | 'revoked'
}
/**
 * Names of the subscriber in the address book of the network (SPEC §5.3).
 */
export interface DirectorySettings {
  readonly name?: string
  readonly nickname?: string
  /**
   * Everybody may find the subscriber, by these names and by each number and address. Left out: those in `friends` alone.
   */
  readonly listed?: boolean
}
/**
 * Subscriber records (SPEC §6.1). Without `records`: only the version of the whole, so whoever knew another one must read again. With `since`: what changed after that version.
 */
export interface SubscriptionData {
  readonly version: number
  readonly since?: number
  readonly records?: readonly SubscriberRecord[]
  readonly removed?: readonly string[]
  /**
   * Page of `named` alone: more follow behind this identifier.
   */
  readonly next?: string
}
/**
 * Question for one subscriber, or for those whom the address book is to name (SPEC §6.1). Without a body: a feed of all changes.
 */
export interface SubscriptionQuery {
  readonly device?: string
  readonly named?: NamedQuery
}
/**
 * Instead of `device`: a page of subscribers with a `directory`, in the order of their identifiers.
 */
export interface NamedQuery {
  /**
   * Begin behind this identifier.
   */
  readonly after?: string
}
/**
 * A device tells an application server which of its users it belongs to (SPEC §3.5). Replaces what it told before.
 */
export interface UserRegistration {
  readonly device: string
  /**
   * A URI or any other name.
   */
  readonly user: string
  readonly application: string
  /**
   * Users whom to look for. Left out: every user of the application.
   *
   * @maxItems 1000
   */
  readonly friends?: readonly string[]
  /**
   * Seconds; 0 ends it. Left out: until it is ended.
   */
  readonly expires?: number
}
