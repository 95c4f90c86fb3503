/** Role `resource-lists`: the resource list server as a dialplan has it. */
import { type Network, namingsIn, type Role, type RoleFault } from '../role.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { createResourceLists } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ResourceListsSettings } from './settings-type.ts'

export const resourceListsRole: Role<ResourceListsSettings> = {
  role: 'resource-lists',
  schema,
  servers: ['hss'],
  namings: ({ lists = {} }) => Object.entries(lists).flatMap(([list, ids]) => namingsIn(ids, 'lists', list)),
  faults: listsOfSubscribers,
  create: createResourceLists,
}

/** Lists that have the address of a subscriber. */
function listsOfSubscribers({ lists = {} }: ResourceListsSettings, { subscribers, domains }: Network): readonly RoleFault[] {
  const owners = new Map<string | undefined, string>()
  for (const { id, aliases = [] } of subscribers)
    for (const text of [id, ...aliases]) owners.set(subscriberKey(text, domains), id)
  return Object.keys(lists).flatMap((list) => {
    const owner = owners.get(subscriberKey(list, domains))
    if (owner === undefined) return []
    const text = `the list ${list} has the address of the subscriber ${owner}`
    return [{ path: ['lists', list], text, expected: 'a name that nobody has' }]
  })
}
