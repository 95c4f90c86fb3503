/** Prometheus as Debian has it, with a configuration of ours; it looks at the published port instead of the container. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackPackages } from '../packages.ts'
import type { Running } from '../process.ts'
import type { Engine } from './engine.ts'

const address = '127.0.0.1:9090'

export class Prometheus {
  private readonly engine: Engine
  private readonly process: Running

  private constructor(engine: Engine, process: Running) {
    this.engine = engine
    this.process = process
  }

  /** Rejects where it does not take that configuration. */
  static async start(engine: Engine, configuration: string): Promise<Prometheus> {
    const folder = join(engine.ground.folder, 'prometheus')
    unpackPackages(folder, ['prometheus'])
    const file = join(folder, 'prometheus.yaml')
    writeFileSync(file, readFileSync(configuration, 'utf8').replace('proxima:8080', '127.0.0.1:8080'))
    const data = ['--storage.tsdb.path', join(folder, 'data'), '--web.listen-address', address]
    const program = join(folder, 'usr/bin/prometheus')
    const process = engine.start(program, '--config.file', file, ...data)
    await process.said(/Server is ready/)
    return new Prometheus(engine, process)
  }
  /** Values of an expression now, one for each series; empty where it knows none. */
  async query(expression: string): Promise<readonly number[]> {
    const url = `http://${address}/api/v1/query?${new URLSearchParams({ query: expression })}`
    const { out } = await this.engine.run('curl', '-sS', url)
    const answer = JSON.parse(out) as {
      readonly status: string
      readonly error?: string
      readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
    }
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`)
    return answer.data.result.map(({ value }) => Number(value[1]))
  }
  async stop(): Promise<void> {
    await this.process.stop()
  }
}
