/** Wireshark as the judge of a capture. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const checked = ['ip', 'udp', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
// What it says, not the port: the system may give one that Wireshark has for another protocol.
const byContent = ['udp', 'tcp'].flatMap((name) => ['-o', `${name}.try_heuristic_first:TRUE`])

/** Lines that tshark prints about a file. */
export async function tshark(file: string, ...options: string[]): Promise<string[]> {
  const { stdout } = await run('tshark', [...checked, ...byContent, '-r', file, ...options], { maxBuffer: 1e8 })
  return stdout.split('\n').filter((line) => line !== '')
}

/** How many messages it dissects as SIP, and everything it complains of. */
export async function judge(file: string): Promise<{ sip: number; complaints: string[] }> {
  const [sip, broken, expert] = await Promise.all([
    tshark(file, '-Y', 'sip'),
    tshark(file, '-Y', '_ws.malformed || tcp.analysis.flags'),
    tshark(file, '-q', '-z', 'expert'),
  ])
  const said: string[] = []
  let section = ''
  for (const line of expert) {
    section = /^(\w+) \(\d+\)/.exec(line)?.[1] ?? section
    if (section === 'Errors' || section === 'Warns') said.push(line)
  }
  return { sip: sip.length, complaints: [...broken, ...said] }
}
