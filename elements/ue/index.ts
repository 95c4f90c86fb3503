/** User equipment (SPEC §2.2): a library for command lines, tests and simulations. */

export type { HeardBroadcast } from '../shared/values/heard.ts'
export type * from './agents/agent.ts'
export { EngineAgent, type EngineAgentOptions } from './agents/engine-agent.ts'
export { SipJsAgent, type SipJsAgentOptions } from './agents/sipjs-agent.ts'
export type { Carrier, OpenPort, PortListener } from './agents/transports/carrier.ts'
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
