/** `expires` of a dialplan, for every role that reads it: what contradicts itself is said at the start. */
import test from 'ava'
import { createApplicationServer } from '../../../../elements/application-server/index.ts'
import { createMme } from '../../../../elements/mme/index.ts'
import { createPresence } from '../../../../elements/presence/index.ts'
import { createProse } from '../../../../elements/prose/index.ts'
import { createRegistration } from '../../../../elements/reg-event/index.ts'
import { createResourceLists } from '../../../../elements/resource-lists/index.ts'
import type { Lifetimes } from '../../../../elements/shared/values/lifetimes.ts'
import type { Element } from '../../../../signalling/index.ts'

const roles: readonly (readonly [role: string, usual: number, create: (expires?: Lifetimes) => Element])[] = [
  ['application-server', 3600, (expires) => createApplicationServer('as', { application: 'org.example', expires })],
  ['mme', 3600, (expires) => createMme('mme', { expires })],
  ['presence', 3600, (expires) => createPresence('presence', { expires })],
  ['prose', 3600, (expires) => createProse('prose', { expires })],
  ['registration', 3761, (expires) => createRegistration('reg', { expires })],
  ['resource-lists', 3600, (expires) => createResourceLists('lists', { expires })],
]

for (const [role, usual, create] of roles)
  test(`${role}: the usual time is within the longest`, (t) => {
    for (const expires of [{ usual: 7200, max: 600 }, { max: 0 }, { usual: 0 }])
      t.throws(() => create(expires), { message: /^expires\.usual: \d+ s; expected seconds from 1 to max \d+$/ })
    for (const [given, wanted] of [
      [undefined, { usual, max: 86_400 }],
      [{ usual: 100_000 }, { usual: 100_000, max: 100_000 }],
      [{ max: 60 }, { usual: 60, max: 60 }],
      [
        { usual: 60, max: 600 },
        { usual: 60, max: 600 },
      ],
    ] as const)
      for (const pack of create(given).packages!) t.deepEqual(pack.expires, wanted)
  })
