/** Waking (SPEC §5.8): from the MESSAGE for a sleeping device to the POST at its push service, and POSTs of a flood of messages. */
import { type PushUser, pushUsers } from '../../faults/exactly-once/plan.ts'
import { PushServiceOnLoopback } from '../../support/push-service.ts'
import { paced, RawClient } from './client.ts'
import { PushProcesses } from './processes.ts'
import { atMost, milliseconds, type PushMeasure, percentile, scaled } from './row.ts'

const devices = 100
const usual = 1000 // messages
const over = 20 // seconds
const interval = 10 // seconds between two wakes of a device at least
const within = 50 // milliseconds
const day = 86_400 // seconds

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

export const waking: PushMeasure = {
  name: 'waking',
  about: 'time from a MESSAGE to the POST that wakes its device, and POSTs of 1,000 messages to 100 devices',
  async run({ scale, tell }) {
    const count = scaled(usual, scale)
    const service = await PushServiceOnLoopback.open()
    const users = pushUsers(2 * devices + 2)
    const processes = await PushProcesses.start(users, { wake: { allow: ['127.0.0.0/8'] } })
    const client = await RawClient.open(processes.servers)
    try {
      const [sender, ...all] = users.filter(({ operator }) => operator === 0) as [PushUser, ...PushUser[]]
      await client.register(sender)
      for (const user of all) {
        const prid = encodeURIComponent(`${service.url}/w/${user.name}`)
        const { response } = await client.register(user, day, `;pn-provider=webpush;pn-prid=${prid}`)
        if (response.status !== 200) throw new Error(`a REGISTER got ${response.status} ${response.text('Warning')}`)
      }
      client.answer = () => undefined
      const posts: { readonly at: number; readonly name: string }[] = []
      const { answer } = service
      service.answer = (response, asked) => {
        posts.push({ at: performance.now(), name: asked.path.slice('/w/'.length) })
        answer(response, asked)
      }
      tell('all fall asleep')
      await Promise.all(all.map((user) => client.push(sender, user, 'falls asleep')))
      await pause(interval + 5)
      tell('one message each')
      // What its devices have not answered is tried no more; each is known to sleep, and was woken more than `interval` ago.
      const known = posts.length
      const took: number[] = []
      for (const user of all) {
        const before = posts.length
        const begun = performance.now()
        await client.push(sender, user, 'wakes')
        await pause(0.05)
        const post = posts.slice(before).find(({ name }) => name === user.name)
        if (post !== undefined) took.push(post.at - begun)
      }
      await pause(interval + 2)
      const [first, begun] = [posts.length, performance.now()]
      tell(`${known} POSTs as they fell asleep, ${took.length} of ${devices} by one message each`)
      const gap = (over * 1000) / count
      const isOver = (): boolean => performance.now() - begun > over * 1000
      await paced(gap, isOver, (number) => client.push(sender, all[number % devices]!, 'flood'))
      const flood = posts.slice(first)
      const most = Math.ceil(over / interval) // of a device, as none is known to be awake
      const ofOne = Math.max(0, ...[...Map.groupBy(flood, ({ name }) => name).values()].map(({ length }) => length))
      const p99 = percentile(took, 0.99)
      return [
        { what: 'MESSAGE to POST, p99', figure: milliseconds(p99), target: atMost(p99, within, ' ms') },
        { what: 'MESSAGE to POST, median', figure: milliseconds(percentile(took, 0.5)) },
        {
          what: `POSTs of ${count.toLocaleString('en')} messages to ${devices} sleeping devices in ${over} s`,
          figure: String(flood.length),
          target: atMost(flood.length, most * devices),
        },
        { what: 'the most of one device', figure: String(ofOne), target: atMost(ofOne, most) },
      ]
    } finally {
      client.close()
      await processes.stop()
      await service.close()
    }
  },
}
