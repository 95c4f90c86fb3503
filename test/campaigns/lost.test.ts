/** Every figure of SPEC as a flow, as often as it has datagrams, with another of them lost each time. */
import { testLoss } from '../support/flow-loss.ts'

await testLoss(1)
