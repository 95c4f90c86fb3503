/** Wireshark as the judge of a capture. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scratch } from './server-process.ts'

const run = promisify(execFile)
const checked = ['ip', 'udp', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
// the output decides, not the port: the system may give one that Wireshark has for another protocol.
const byContent = ['udp', 'tcp'].flatMap((name) => ['-o', `${name}.try_heuristic_first:TRUE`])

/** Lines that tshark prints about a file. */
export async function tshark(file: string, ...options: string[]): Promise<string[]> {
  const { stdout } = await run('tshark', [...checked, ...byContent, '-r', file, ...options], { maxBuffer: 1e8 })
  return stdout.split('\n').filter((line) => line !== '')
}

// Of what a client has packed Wireshark unpacks the body, and has something to say of linphone's way to do it.
const expert = 'expert,warn,not sip.Content-Encoding'

/** Number of messages that it dissects as SIP, and everything it complains of. */
export async function judge(file: string, ...options: readonly string[]): Promise<{ sip: number; complaints: string[] }> {
  const of = ['frame.protocols', 'tcp.analysis.flags', 'frame.number', '_ws.col.Info'].flatMap((field) => ['-e', field])
  const shown = '_ws.malformed || tcp.analysis.flags || sip'
  let sip = 0
  let section = ''
  const complaints: string[] = []
  for (const line of await tshark(file, '-Y', shown, '-T', 'fields', ...of, '-z', expert, ...options)) {
    const [protocols = '', analysis, ...rest] = line.split('\t')
    if (rest.length > 0) {
      if (protocols.split(':').includes('sip')) sip++
      if (protocols.includes('_ws.malformed') || analysis !== '') complaints.push(line)
    } else {
      section = /^(\w+) \(\d+\)/.exec(line)?.[1] ?? section
      if (section === 'Errors' || section === 'Warns') complaints.push(line)
    }
  }
  return { sip, complaints }
}

/** Judges captures of many sources at once: a file may have many sections, and starting Wireshark costs more than most of them. */
export async function judgeAll(files: readonly string[]): Promise<{ sip: number; complaints: string[] }> {
  const all = join(scratch(), 'all.pcapng')
  writeFileSync(all, Buffer.concat(files.map((file) => readFileSync(file))))
  return judge(all)
}
