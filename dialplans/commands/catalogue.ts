/** Commands by name: only the one that is asked for is loaded, since loading all of them takes longer than most run. */
import type { CommandMakers } from './completion/index.ts'

export const commandMakers: CommandMakers = {
  start: async () => (await import('./start/index.ts')).startCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  cert: async () => (await import('./cert.ts')).certCommand(),
  charging: async () => (await import('./charging/index.ts')).chargingCommand(),
  completion: async () => (await import('./completion/index.ts')).completionCommand(commandMakers),
  demo: async () => (await import('./demo/index.ts')).demoCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  health: async () => (await import('./health.ts')).healthCommand(),
  hss: async () => (await import('./hss/index.ts')).hssCommand(),
  play: async () => (await import('./play.ts')).playCommand(),
  push: async () => (await import('./push/index.ts')).pushCommand(),
  trace: async () => (await import('./trace/index.ts')).traceCommand(),
  ue: async () => (await import('./ue/index.ts')).ueCommand(),
}
