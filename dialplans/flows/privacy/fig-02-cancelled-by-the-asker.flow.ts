/** A request that waits for an attach, and its cancelling by the asker (SPEC §8.3). */
import { targets } from '../mo-lr/cast.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alices, isActive, later, locating, targetAlice } from './cast.ts'

const bobs = `sip:${targets.bob}`

export const flow: FlowScript = {
  id: 'privacy/fig-02',
  title: 'A request that waits for an attach, and its cancelling by the asker',
  clause: '§8.3',
  network: 'location.yaml',
  scenarios: [
    {
      name: 'V7: available: nothing until the target attaches; then one report, and the end',
      async run(stage) {
        const asked = await locating(stage, targets.carol, bobs, {
          type: 'available',
          on: 'attach',
          codeword: 'Kirschbaum',
        })
        await stage.until('the core network has it', () => isActive(asked))
        await stage.pass(2)
        stage.expect('nothing yet', asked.places() === 0)
        const second = await locating(stage, targets.alice, bobs, { type: 'available', on: 'attach', codeword: 'Kirschbaum' })
        await stage.until('the core network has another', () => isActive(second))
        await stage.ue(targets.bob)
        await stage.until('both are told, and over', () => [asked, second].every((one) => one.end() === 'noresource'))
        stage.expect('once each', asked.places() === 1 && second.places() === 1)
      },
      settings: {
        gmlc: {
          profiles: [{ target: 'bob', rules: [{ id: 'word', codeword: 'Kirschbaum', mode: 'allow', precision: 'exact' }] }],
        },
      },
    },
    {
      name: 'V9: the asker wants no more: it ends at the core network, and then for him',
      async run(stage) {
        await targetAlice(stage)
        const asked = await locating(stage, targets.bob, alices, { type: 'at', time: later(stage, 4) })
        await stage.until('the core network has it', () => isActive(asked))
        asked.unsubscribe()
        await stage.until('the end', () => asked.end() !== undefined)
        await stage.pass(5)
        stage.expect('nothing was told', asked.places() === 0)
      },
    },
  ],
}
