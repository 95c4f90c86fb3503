/** sipp goes through FIG 8 and FIG 13 by scenarios, over UDP and TCP against a real server. */
import test from 'ava'
import { startDefaultServer } from '../support/process.ts'
import { settled } from './peers/capture.ts'
import { Sipp, type SippTransport, wentThrough } from './peers/sipp.ts'

test('sipp over UDP and TCP', async (t) => {
  const users = ['heard', 'hearing', 'watching'].flatMap((user) => [`${user}-udp`, `${user}-tcp`])
  const server = await startDefaultServer({ users })
  t.teardown(() => server.remove())
  const figures = async (transport: SippTransport): Promise<void> => {
    const play = (scenario: string, user: string, keys: { readonly [name: string]: string }): Sipp =>
      new Sipp({ server, transport, scenario, user: `${user}-${transport}`, keys })
    const heard = play('discoverable', 'heard', {})
    const [, code] = await heard.logged(/^code ([0-9a-f]{46})$/m)
    wentThrough(await heard.ended)
    const match = JSON.stringify({ heard: [{ code, at: new Date().toISOString(), rssi: -60 }] })
    const request = (user: string): string =>
      JSON.stringify({ device: `sip:${user}-${transport}@localhost`, roles: ['discoverer'] })
    wentThrough(await play('discoverer', 'hearing', { match, request: request('hearing') }).ended)
    wentThrough(await play('feedback', 'watching', { match, request: request('watching') }).ended)
  }
  await figures('udp')
  await figures('tcp')
  await settled(t, server)
})
