/** User equipment (SPEC §2.2): a library for command lines, tests and simulations. */

export type { HeardBroadcast } from '../shared/values/heard.ts'
export type * from './agents/agent.ts'
export type * from './agents/calls.ts'
export { EngineAgent, type EngineAgentOptions } from './agents/engine-agent.ts'
export { SipJsAgent, type SipJsAgentOptions } from './agents/sipjs-agent.ts'
export type { Carrier, OpenPort, PortListener } from './agents/transports/carrier.ts'
export { LocationClient, type LocationNotice } from './location/location-client.ts'
export { MoLrClient, type MoLrOutcome } from './location/mo-lr-client.ts'
export { findOwnServer, type OwnServer, type OwnServerSettings } from './own-server.ts'
export {
  ApplicationClient,
  type ApplicationClientOptions,
  type AutomaticRegistration,
  type AutomaticSettings,
  type UserSettings,
} from './proximity/application.ts'
export {
  type AirPort,
  type NearChange,
  type NearQuestion,
  Ue,
  type UeEvent,
  type UeOptions,
  type UeRole,
} from './proximity/ue.ts'
export { AddressBookClient } from './push/clients/address-book-client.ts'
export { ProxyClient } from './push/clients/proxy-client.ts'
export { RcsClient } from './push/clients/rcs-client.ts'
export { ThirdPartyClient } from './push/clients/third-party-client.ts'
export type { Desktop, DesktopApplication } from './push/desktop/desktop.ts'
export { notificationPrompter } from './push/desktop/notifications.ts'
export { XdgDesktop } from './push/desktop/xdg-desktop.ts'
export { deviceInstance } from './push/device-instance.ts'
export type { DirectTalk, TalkEnd } from './push/direct/direct-talk.ts'
export { type Caller, type DirectTalkListener, DirectTalks } from './push/direct/direct-talks.ts'
export { LocalEntries, type LocalEntry } from './push/finding/entries.ts'
export { entriesFormOf, readEntries } from './push/finding/entries-file.ts'
export { type PushReceipt, type SentPush, UePushClient, type UePushClientOptions } from './push/push-client.ts'
export { contentOf, type ReceivedPush } from './push/received-push.ts'
export type { OpenAnswer, PushNotice } from './push/reception-parts.ts'
