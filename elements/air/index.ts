/** The radio medium (SPEC §7), simulated or over a local network. */
export type { HeardBroadcast } from '../shared/values/heard.ts'
export type { Air, Position } from './air.ts'
export { memoryLink } from './memory-link.ts'
export { type AirLink, type MulticastAirOptions, multicastAir } from './multicast.ts'
export { metresBetween, type PropagationModel } from './path-loss.ts'
export { type SimulatedAir, type SimulatedAirOptions, simulatedAir } from './simulated.ts'
