/** Loss of one datagram in a flow, in virtual time: every flow passes all the same. */
import test from 'ava'
import { allScenarios, play } from './flows.ts'

/** Registers a test a flow, which loses every `step`th datagram, another one each play. Flows begin at different places. */
export async function testLoss(step: number): Promise<void> {
  for (const [index, { title, scenario, dialplan }] of (await allScenarios()).entries()) {
    // One at a time: what many plays hold at once survives collections and costs as much again.
    test.serial(`${title}, ${step === 1 ? 'each datagram' : `one of ${step} datagrams`} lost once`, async (t) => {
      const datagrams = await play(scenario, { dialplan, mode: 'virtual' })
      t.true(datagrams > 0)
      for (let lost = index % Math.min(step, datagrams); lost < datagrams; lost += step) {
        let count = 0
        await t.notThrowsAsync(
          play(scenario, { dialplan, mode: 'virtual', fate: () => (count++ === lost ? [] : [1]) }),
          `datagram ${lost} of ${datagrams} lost`,
        )
      }
    })
  }
}
