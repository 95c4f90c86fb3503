/** Defaults of a dialplan's general part: what its schema tells is what runs where the dialplan says nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import general from '../../../dialplans/network/general.json' with { type: 'json' }
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { defaultConnectionSettings, usualLimit, usualPace } from '../../../signalling/testing.ts'

const { limits, connections, data, trusted, dns } = general.properties

test('connections, subscriptions and NOTIFYs are bounded as the schema tells', (t) => {
  const stated = Object.entries(connections.properties).map(([name, setting]) => [name, setting.default] as const)
  t.deepEqual(Object.fromEntries(stated), defaultConnectionSettings)
  t.is(limits.properties.subscriptions.default, usualLimit)
  t.deepEqual(limits.properties.notifies.default, usualPace)
})

test('a dialplan that says nothing of a part has what the schema tells of it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-defaults-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'a.yaml')
  writeFileSync(file, 'name: x\ndomains: [localhost]\nlisten: [udp://127.0.0.1:0]\nelements: { hss: { role: hss } }\n')
  const { value } = loadDialplan(file) as Extract<ReturnType<typeof loadDialplan>, { readonly value: unknown }>
  const stated = { data, trusted, limits, connections, dns }
  for (const [name, part] of Object.entries(stated)) t.deepEqual(value[name as keyof typeof stated], part.default, name)
})
