/** Role `resource-lists`: the resource list server as a dialplan has it. */
import type { Role } from '../role.ts'
import { createResourceLists } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ResourceListsSettings } from './settings-type.ts'

export const resourceListsRole: Role<ResourceListsSettings> = { role: 'resource-lists', schema, create: createResourceLists }
