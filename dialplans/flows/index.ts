/** All flows, by service and figure. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FlowScript } from './stage/flow.ts'

export async function loadFlows(): Promise<readonly FlowScript[]> {
  const folder = new URL('.//', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.flow.ts'))
    .sort()
  const modules = await Promise.all(files.map((file) => import(new URL(file, folder).href) as Promise<{ flow: FlowScript }>))
  return modules.map(({ flow }) => flow)
}

/** The flow of that id, or the only one whose id ends in `/<name>`. */
export function flowScriptNamed(flows: readonly FlowScript[], name: string): FlowScript | undefined {
  const named = flows.filter(({ id }) => id.endsWith(`/${name}`))
  return flows.find(({ id }) => id === name) ?? (named.length === 1 ? named[0] : undefined)
}

/** The file of the network that a flow is played in. */
export function networkOf({ network = 'default.yaml' }: Pick<FlowScript, 'network'>): string {
  return fileURLToPath(new URL(`../${network}`, import.meta.url))
}
