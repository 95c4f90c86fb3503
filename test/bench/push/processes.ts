/** The same two operators as processes over sockets and LMDB. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { nodeOf, operators, type PlanSettings, type PushUser, planOf } from '../../faults/exactly-once/plan.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'

export class PushProcesses {
  readonly servers: readonly ServerProcess[]
  private readonly folder: string

  private constructor(folder: string, servers: readonly ServerProcess[]) {
    this.folder = folder
    this.servers = servers
  }
  static async start(users: readonly PushUser[], push: PlanSettings['push'] = {}): Promise<PushProcesses> {
    const folder = mkdtempSync(join(tmpdir(), 'proxima-bench-'))
    const file = join(folder, 'plan.yaml')
    const nodes: { readonly port: number; readonly folder: string }[] = []
    for (const _ of operators) nodes.push({ port: await lastingPort(), folder })
    writeFileSync(file, planOf(users, nodes, { push }))
    const servers: ServerProcess[] = []
    try {
      for (const [operator, { port }] of nodes.entries())
        servers.push(await startServer(file, port, ['--node', nodeOf(operator), '--log-level', 'error']))
    } catch (fault) {
      for (const server of servers) await server.end('SIGKILL')
      throw fault
    }
    return new PushProcesses(folder, servers)
  }
  async stop(): Promise<void> {
    for (const server of this.servers) await server.end('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}
