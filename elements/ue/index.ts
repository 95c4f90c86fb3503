/** User equipment (SPEC §2.2): a library for command lines, tests and simulations. */

export type { Heard } from '../services/heard.ts'
export type * from './agent.ts'
export {
  ApplicationClient,
  type ApplicationClientOptions,
  type AutomaticSettings,
  type Registered,
  type UserSettings,
} from './application.ts'
export { EngineAgent, type EngineAgentOptions } from './engine-agent.ts'
export { SipJsAgent, type SipJsAgentOptions } from './sipjs-agent.ts'
export type { Carrier, OpenPort, PortListener } from './transports/carrier.ts'
export { type AirPort, type NearChange, type NearQuestion, type Role, Ue, type UeEvent, type UeOptions } from './ue.ts'
