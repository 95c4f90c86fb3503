/** Role -> factory: the only place that knows all elements. */
import type { Element } from '../signalling/index.ts'
import { createApplicationServer } from './application-server/index.ts'
import { createHss } from './hss/index.ts'
import { createMme } from './mme/index.ts'
import { createPcrf } from './pcrf/index.ts'
import { createPresence } from './presence/index.ts'
import { createProse } from './prose/index.ts'
import { createProxy } from './proxy/index.ts'
import { createRegistration } from './reg-event/index.ts'
import { createResourceLists } from './resource-lists/index.ts'

/** Makes an element of the name it has in the dialplan, with settings that its role's schema has admitted. */
type ElementFactory = (name: string, settings: object) => Element

/** The schema of the dialplan stands for what the compiler cannot see: that the settings are those of the role. */
function admitted<Settings extends object>(create: (name: string, settings: Settings) => Element): ElementFactory {
  return (name, settings) => create(name, settings as Settings)
}

export const catalogue: { readonly [role: string]: ElementFactory } = {
  'application-server': admitted(createApplicationServer),
  hss: admitted(createHss),
  pcrf: admitted(createPcrf),
  mme: admitted(createMme),
  presence: admitted(createPresence),
  proxy: admitted(createProxy),
  prose: admitted(createProse),
  registration: admitted(createRegistration),
  'resource-lists': admitted(createResourceLists),
}
