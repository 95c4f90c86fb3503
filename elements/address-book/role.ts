/** Role `addressbook`: the address book as a dialplan has it. */
import { namingsIn, type Role } from '../role.ts'
import { numberedServers } from '../shared/values/push-servers.ts'
import { createAddressBook } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { AddressBookSettings } from './settings-type.ts'

export const addressBookRole: Role<AddressBookSettings> = {
  role: 'addressbook',
  schema,
  servers: ['hss'],
  files: { file: 'entries' },
  namings: ({ entries = [] }) => entries.flatMap(({ friends }, index) => namingsIn(friends, 'entries', index, 'friends')),
  learns: (network) => ({
    servers: numberedServers(
      network,
      network.elements.filter(({ role }) => role === 'push'),
    ),
  }),
  faults: ({ entries = [] }) =>
    entries.flatMap(({ application, uri }, index) =>
      application === undefined && uri === undefined
        ? [{ path: ['entries', index], text: `entry ${index + 1} has neither uri nor application`, expected: 'one of them' }]
        : [],
    ),
  create: createAddressBook,
}
