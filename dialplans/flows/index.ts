/** All flows, by service and figure. */
import { readdirSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FlowScript } from './stage/flow.ts'

const folder = new URL('.//', import.meta.url)
const ending = `.flow${extname(import.meta.filename)}` // compiled sources end in .js

function flowFiles(): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .sort()
}

export async function loadFlows(): Promise<readonly FlowScript[]> {
  const modules = await Promise.all(
    flowFiles().map((file) => import(new URL(file, folder).href) as Promise<{ flow: FlowScript }>),
  )
  return modules.map(({ flow }) => flow)
}

/** Ids of all flows, by the names of their files: quicker than loading them. */
export function flowIds(): readonly string[] {
  return flowFiles().map((file) => file.slice(0, -ending.length).replace(/(?<=\/fig-\d+)-.*/, ''))
}

/** The flow of that id, or all whose ids end in `/<name>`: one of each service that has such a figure. */
export function flowsNamed(flows: readonly FlowScript[], name: string): readonly FlowScript[] {
  const exact = flows.filter(({ id }) => id === name)
  return exact.length > 0 ? exact : flows.filter(({ id }) => id.endsWith(`/${name}`))
}

/** The file of the network that a flow is played in. */
export function networkOf({ network = 'default.yaml' }: Pick<FlowScript, 'network'>): string {
  return fileURLToPath(new URL(`../${network}`, import.meta.url))
}
