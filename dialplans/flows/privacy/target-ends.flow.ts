/** A target reads who may be told where it is, and who was, and ends what it does not want (SPEC §8.3). */
import type { LocationLog } from '../../../elements/schemas/index.ts'
import { LocationClient } from '../../../elements/ue/index.ts'
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alices, isActive, later, locating, targetAlice } from './cast.ts'

const gmlc = 'sip:gmlc@home.example'

export const flow: FlowScript = {
  id: 'privacy/target-ends',
  title: 'A target reads its log, and ends a request',
  clause: '§8.3',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V29, V38: it sees who waits for its place and who was told it, ends one, and the others go on',
      async run(stage) {
        const a = await targetAlice(stage)
        let log: LocationLog | undefined
        const handle = a.log(alices, (state) => {
          log = state
        })
        const bob = await locating(stage, targets.bob, alices, { type: 'periodic', period: 1 })
        const own = await locating(stage, targets.alice, alices, { type: 'periodic', period: 1 })
        await stage.until('both are told', () => bob.places() > 0 && own.places() > 0)
        const bobs = (): LocationLog['active'] => log?.active.filter(({ requestor }) => requestor === `sip:${targets.bob}`) ?? []
        await stage.until('she sees both', () => log?.active.length === 2 && bobs().length === 1)
        stage.expect('no place is in it', !JSON.stringify(log).includes('coordinates'))
        const { request } = bobs()[0]!
        stage.expect('ended', (await stage.during(a.end(gmlc, [request]))).status === 200)
        const before = bob.places()
        await stage.until('rejected', () => bob.end() === 'rejected')
        const ownBefore = own.places()
        await stage.until('her own goes on', () => own.places() > ownBefore + 1)
        stage.expect('nothing after the 200', bob.places() === before)
        await stage.until('it is past', () => bobs().length === 0 && log?.past.some((one) => one.request === request) === true)
        own.unsubscribe()
        await stage.until('the end', () => own.end() !== undefined)
        handle.unsubscribe()
      },
    },
    {
      name: 'who is not the target reads no log of it, and ends nothing',
      async run(stage) {
        const a = await targetAlice(stage)
        const own = await locating(stage, targets.alice, alices, { type: 'at', time: later(stage, 600) })
        await stage.until('the core network has it', () => isActive(own))
        let log: LocationLog | undefined
        const handle = a.log(alices, (state) => {
          log = state
        })
        const { request } = await stage.until('she sees it', () => log?.active.find(({ type }) => type === 'at'))
        const { agent } = await stage.ue(targets.bob)
        const b = new LocationClient(agent)
        stage.expect('not his', (await stage.during(b.end(gmlc, [request]))).status === 403)
        let refused = 0
        b.log(
          alices,
          () => undefined,
          (status) => {
            refused = status
          },
        )
        await stage.until('403', () => refused === 403)
        stage.expect('hers', (await stage.during(a.end(gmlc, [request]))).status === 200)
        await stage.until('the end', () => own.end() === 'rejected')
        handle.unsubscribe()
      },
    },
  ],
}
