/**
 * Certificates on connections: ours, the authorities that we believe, and the domains that a peer proves by its own (RFC
 * 5922).
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import type { TlsMaterial } from './transport.ts'

interface Context {
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly minVersion: 'TLSv1.2'
}

/** As Node's TLS takes it. SIP over TLS wants 1.2 or later (RFC 8446 appendix, RFC 9325). Throws where `authorities` are none. */
export function contextOf({ certificate, key, authorities }: TlsMaterial): Context {
  if (authorities !== undefined) new X509Certificate(authorities) // Node ignores text that is no certificate
  return { cert: certificate, key, minVersion: 'TLSv1.2', ...(authorities === undefined ? {} : { ca: authorities }) }
}

/**
 * Options for accepted connections: a certificate is asked for where there are authorities to judge it by. `tlsRefusalOf`
 * refuses a peer after the handshake, since Node itself would not say which peer it was.
 */
export function acceptOptions(material: TlsMaterial): TlsOptions {
  return { ...contextOf(material), requestCert: material.authorities !== undefined, rejectUnauthorized: false }
}

/**
 * Options for connections that we open. The peer gets our certificate if it asks for one, and its own must have `name` (SNI,
 * RFC 5922 §7.2).
 */
export class Dialling {
  private context: ReturnType<typeof createSecureContext>

  /** Throws where the material is no certificate. */
  constructor(material: TlsMaterial) {
    this.context = createSecureContext(contextOf(material))
  }
  renew(material: TlsMaterial): void {
    this.context = createSecureContext(contextOf(material))
  }
  options(name: string): ConnectionOptions {
    const servername = isIP(name) === 0 ? { servername: name } : {}
    return { ...servername, secureContext: this.context, checkServerIdentity: identityFault }
  }
}

function identityFault(name: string, certificate: PeerCertificate): Error | undefined {
  return domainsIn(certificate.subjectaltname ?? '').includes(name.toLowerCase())
    ? undefined
    : checkServerIdentity(name, certificate)
}

/** The domains that a peer has proved; none where it showed no certificate, or one that no authority of ours stands for. */
export function provenDomains(socket: TLSSocket): readonly string[] {
  if (!socket.authorized) return []
  return domainsIn(socket.getPeerCertificate().subjectaltname ?? '')
}

const entry = /([A-Za-z ]+):((?:[^",]|"(?:[^"\\]|\\.)*")*)(?:, |$)/y
const domain = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/**
 * The SIP domains in a subjectAltName as Node prints it (`DNS:a.example, URI:sip:b.example`), lower case. `sip` URIs without
 * a user, and DNS names; no addresses, and a wildcard is for nobody (RFC 5922 §7.1, §7.2).
 */
export function domainsIn(subjectAltName: string): readonly string[] {
  const domains = new Set<string>()
  entry.lastIndex = 0
  for (let match = entry.exec(subjectAltName); match !== null; match = entry.exec(subjectAltName)) {
    const [, kind, value = ''] = match
    const text = value.toLowerCase()
    const name = kind === 'DNS' ? text : kind === 'URI' && text.startsWith('sip:') ? text.slice(4) : ''
    if (domain.test(name) && isIP(name) === 0) domains.add(name)
    if (entry.lastIndex >= subjectAltName.length) break // at the end an empty match would go on for ever
  }
  return [...domains]
}

/** Why a peer that we want a certificate of is refused; undefined: it is not. */
export function tlsRefusalOf(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined
  const shown = Object.keys(socket.getPeerCertificate()).length > 0
  return shown ? `its certificate: ${String(socket.authorizationError)}` : 'it shows no certificate'
}
