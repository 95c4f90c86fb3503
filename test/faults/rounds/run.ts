/** `npm run rounds`: kill rounds by the hundred, a campaign of its own. */
import { Command } from 'commander'
import { killRounds } from './rounds.ts'

const command = new Command('rounds')
  .description('Kills a node over and over while users change what it keeps; tells what was lost or came back.')
  .option('--rounds <count>', 'how many kills', Number, 200)
  .option('--subjects <count>', 'users of each kind of change', Number, 4)
  .parse()
const { rounds, subjects } = command.opts<{ readonly rounds: number; readonly subjects: number }>()
const { faults, changes } = await killRounds({ rounds, subjects, tell: (line) => console.error(line) })
for (const [kind, count] of changes) console.log(`${kind}: ${count} changes acknowledged`)
for (const fault of faults) console.error(fault)
console.log(faults.length === 0 ? `${rounds} rounds: nothing lost, nothing back` : 'not so')
process.exit(faults.length === 0 ? 0 : 1)
