/** Every figure of SPEC as a flow, with some of its datagrams lost, one each time; `npm run campaigns` loses each of them. */
import { testLoss } from '../support/flow-loss.ts'

await testLoss(8)
