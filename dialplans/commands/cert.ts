/** `proxima cert`: certificates for trying TLS and WSS on this machine, self-signed or by an authority of one's own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { generate } from 'selfsigned'
import { RealClock, randomIds } from '../../signalling/index.ts'
import { unreadable } from '../network/text.ts'
import { makeFolder } from '../running/data-folder.ts'
import { say } from './support/output.ts'
import { CommandRefusal } from './support/refusal.ts'

interface CertOptions {
  readonly out: string
  readonly days: number
  readonly force?: boolean
  readonly authority?: boolean
  /** Folder of an authority. */
  readonly signedBy?: string
}

interface Pair {
  readonly cert: string
  readonly key: string
}

const dns = 2 // kinds of subjectAltName (RFC 5280 §4.2.1.6)
const uri = 6
const ip = 7
const ownFiles = ['certificate.pem', 'key.pem'] as const
const authorityFiles = ['authority.pem', 'authority-key.pem'] as const

export function certCommand(): Command {
  return new Command('cert')
    .description('make a certificate and its key, for trying TLS and WSS: self-signed, or signed by an authority made before')
    .argument('[hosts...]', 'names and addresses it is for; sip:example.org for a SIP domain', ['localhost', '127.0.0.1', '::1'])
    .option('--out <folder>', `where to write ${ownFiles.join(' and ')}`, '.')
    .option('--days <number>', 'how long it is valid', readDays, 30)
    .option('--authority', `make an authority instead, ${authorityFiles.join(' and ')}; it is for no hosts`)
    .option('--signed-by <folder>', 'have the certificate signed by the authority in that folder')
    .option('--force', 'overwrite files that are there')
    .addHelpText(
      'after',
      [
        '\nExamples:',
        '  $ proxima cert --out data localhost 127.0.0.1',
        '  $ proxima cert --authority --out ca',
        '  $ proxima cert --signed-by ca --out as as.example.org sip:as.example.org',
      ].join('\n'),
    )
    .action(make)
}

function readDays(text: string): number {
  const days = Number(text)
  if (!Number.isInteger(days) || days < 1 || days > 825)
    throw new InvalidArgumentError('A whole number from 1 to 825 is expected.')
  return days
}

async function make(hosts: readonly string[], { out, days, force, authority = false, signedBy }: CertOptions): Promise<void> {
  if (authority && signedBy !== undefined) throw new CommandRefusal('--authority signs itself; leave --signed-by out')
  const [certificate, key] = (authority ? authorityFiles : ownFiles).map((name) => join(out, name)) as [string, string]
  for (const file of [certificate, key]) {
    if (existsSync(file) && force !== true) throw new CommandRefusal(`${file} is there already; choose another --out, or --force`)
  }
  const by = signedBy === undefined ? undefined : readAuthority(signedBy)
  const made = await (authority ? newAuthority(days) : newCertificate(hosts, days, by))
  makeOut(out)
  writeFileSync(certificate, made.cert)
  writeFileSync(key, made.key, { mode: 0o600 })
  if (authority) {
    say(`${certificate} and ${key}, an authority, valid for ${days} days`)
    say(`in a dialplan: tls: { certificate: …, key: …, authorities: ${certificate} }, made with --signed-by ${out}`)
    return
  }
  say(`${certificate} and ${key}, for ${hosts.join(', ')}, valid for ${days} days`)
  say(`in a dialplan: listen: [tls://127.0.0.1:5061, wss://127.0.0.1:8443] and tls: { certificate: …, key: … }`)
}

function makeOut(out: string): void {
  try {
    makeFolder(out)
  } catch (error) {
    throw new CommandRefusal(`${out}: the folder cannot be made (${(error as NodeJS.ErrnoException).code}); choose another --out`)
  }
}

function newCertificate(hosts: readonly string[], days: number, by: Pair | undefined): Promise<Pair> {
  const name = (hosts[0] ?? 'localhost').replace(/^sip:/, '')
  const extensions = [
    { name: 'basicConstraints', cA: false },
    { name: 'subjectAltName', altNames: hosts.map(altName) },
  ]
  return pair(name, days, extensions, by)
}

function altName(host: string): object {
  if (host.startsWith('sip:')) return { type: uri, value: host } // RFC 5922 §7.1
  return isIP(host) === 0 ? { type: dns, value: host } : { type: ip, ip: host }
}

/** Its name is its own: two of them in one file are told apart by it. */
function newAuthority(days: number): Promise<Pair> {
  return pair(`Proxima trial authority ${randomIds().token(6)}`, days, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ])
}

async function pair(name: string, days: number, extensions: readonly object[], by?: Pair): Promise<Pair> {
  const now = new RealClock(() => undefined).date()
  const options = {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now),
    notAfterDate: new Date(now + days * 86_400_000),
    extensions,
    ...(by === undefined ? {} : { ca: by }),
  }
  const made = await generate([{ name: 'commonName', value: name }], options as Parameters<typeof generate>[1])
  return { cert: `${made.cert.trimEnd()}\n`, key: `${made.private.trimEnd()}\n` } // files that can be put one behind another
}

function readAuthority(folder: string): Pair {
  const [cert, key] = authorityFiles.map((name) => {
    const file = join(folder, name)
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new CommandRefusal(
        `${file}: ${unreadable(error)}; make an authority with proxima cert --authority --out ${folder}`,
        error,
      )
    }
  }) as [string, string]
  return { cert, key }
}
