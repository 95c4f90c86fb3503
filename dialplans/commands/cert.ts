/** `proxima cert`: a self-signed certificate for trying TLS and WSS on this machine. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { generate } from 'selfsigned'
import { RealClock } from '../../signalling/index.ts'
import { Refusal } from './refusal.ts'

interface CertOptions {
  readonly out: string
  readonly days: number
  readonly force?: boolean
}

const dns = 2 // kinds of subjectAltName (RFC 5280 §4.2.1.6)
const ip = 7

export function certCommand(): Command {
  return new Command('cert')
    .description('make a self-signed certificate and its key, for trying TLS and WSS')
    .argument('[hosts...]', 'names and addresses it is for', ['localhost', '127.0.0.1', '::1'])
    .option('--out <folder>', 'where to write certificate.pem and key.pem', '.')
    .option('--days <number>', 'how long it is valid', readDays, 30)
    .option('--force', 'overwrite files that are there')
    .addHelpText('after', '\nExample:\n  $ proxima cert --out data localhost 127.0.0.1')
    .action(make)
}

function readDays(text: string): number {
  const days = Number(text)
  if (!Number.isInteger(days) || days < 1 || days > 825)
    throw new InvalidArgumentError('A whole number from 1 to 825 is expected.')
  return days
}

async function make(hosts: readonly string[], { out, days, force }: CertOptions): Promise<void> {
  const [certificate, key] = [join(out, 'certificate.pem'), join(out, 'key.pem')]
  for (const file of [certificate, key]) {
    if (existsSync(file) && force !== true) throw new Refusal(`${file} is there already; choose another --out, or --force`)
  }
  const now = new RealClock(() => undefined).date()
  const [notBeforeDate, notAfterDate] = [new Date(now), new Date(now + days * 86_400_000)]
  const altNames = hosts.map((host) => (isIP(host) === 0 ? { type: dns, value: host } : { type: ip, ip: host }))
  const made = await generate([{ name: 'commonName', value: hosts[0] ?? 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames },
    ],
  } as Parameters<typeof generate>[1])
  mkdirSync(out, { recursive: true })
  writeFileSync(certificate, made.cert)
  writeFileSync(key, made.private, { mode: 0o600 })
  console.log(`${certificate} and ${key}, for ${hosts.join(', ')}, valid for ${days} days`)
  console.log(`in a dialplan: listen: [tls://127.0.0.1:5061, wss://127.0.0.1:8443] and tls: { certificate: …, key: … }`)
}
