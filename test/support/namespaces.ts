/** Networks of hosts behind NATs, in network namespaces of this process: nothing of the machine's own network is touched. */
import { execFileSync } from 'node:child_process'
import { threadId } from 'node:worker_threads'
import { program, Running } from './process.ts'

const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' })

/** Why there can be none here; undefined: there can. */
export function noNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `proxima-${process.pid}-${threadId}-look`
  try {
    ip('netns', 'add', name)
    execFileSync('ip', ['netns', 'exec', name, 'iptables', '-t', 'nat', '-L'], { stdio: 'pipe' })
    return undefined
  } catch (fault) {
    return `this machine gives no network namespace with a NAT: ${String(fault).split('\n', 1)[0]}`
  } finally {
    try {
      ip('netns', 'del', name)
    } catch {
      // it was never there
    }
  }
}

/** A public network, 198.18.0.0/24, with hosts on it and homes behind NATs, each with hosts of its own. */
export class NatNetwork {
  private readonly prefix = `proxima-${process.pid}-${threadId}`
  private readonly spaces: string[] = []
  private homes = 0

  constructor() {
    this.space('public')
    this.in('public', 'ip', 'link', 'add', 'net', 'type', 'bridge')
    this.in('public', 'ip', 'addr', 'add', '198.18.0.1/24', 'dev', 'net')
    this.in('public', 'ip', 'link', 'set', 'net', 'up')
  }
  private space(name: string): void {
    ip('netns', 'add', `${this.prefix}-${name}`)
    this.spaces.push(name)
    this.in(name, 'ip', 'link', 'set', 'lo', 'up')
  }
  private in(space: string, ...command: readonly string[]): void {
    execFileSync('ip', ['netns', 'exec', `${this.prefix}-${space}`, ...command], { stdio: 'pipe' })
  }
  /** A home whose NAT has `198.18.0.<n>` outside; its hosts are `<home>-1`, `<home>-2`. Returns the address outside. */
  home(home: string, hosts: number): string {
    const n = ++this.homes + 1
    this.space(home)
    this.cable(home, 'wan', 'public', `to-${home}`)
    this.in('public', 'ip', 'link', 'set', `to-${home}`, 'master', 'net')
    this.in(home, 'ip', 'addr', 'add', `198.18.0.${n}/24`, 'dev', 'wan')
    this.in(home, 'ip', 'link', 'add', 'lan', 'type', 'bridge')
    this.in(home, 'ip', 'addr', 'add', `10.${n}.0.1/24`, 'dev', 'lan')
    this.in(home, 'ip', 'link', 'set', 'lan', 'up')
    this.in(home, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    for (const rule of [
      ['-t', 'nat', '-A', 'POSTROUTING', '-o', 'wan', '-j', 'MASQUERADE'],
      ['-P', 'INPUT', 'DROP'], // what nobody inside has asked for leaves no trace either
      ['-P', 'FORWARD', 'DROP'],
      ['-A', 'FORWARD', '-i', 'lan', '-j', 'ACCEPT'],
      ['-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'ACCEPT'],
    ])
      this.in(home, 'iptables', ...rule)
    for (let i = 1; i <= hosts; i++) {
      const host = `${home}-${i}`
      this.space(host)
      this.cable(host, 'eth0', home, `to-${i}`)
      this.in(home, 'ip', 'link', 'set', `to-${i}`, 'master', 'lan')
      this.in(host, 'ip', 'addr', 'add', `10.${n}.0.${i + 1}/24`, 'dev', 'eth0')
      this.in(host, 'ip', 'route', 'add', 'default', 'via', `10.${n}.0.1`)
    }
    return `198.18.0.${n}`
  }
  private cable(space: string, end: string, otherSpace: string, otherEnd: string): void {
    const [here, there] = [`${this.prefix}-${space}`, `${this.prefix}-${otherSpace}`]
    ip('-n', here, 'link', 'add', end, 'type', 'veth', 'peer', 'name', otherEnd, 'netns', there)
    this.in(space, 'ip', 'link', 'set', end, 'up')
    this.in(otherSpace, 'ip', 'link', 'set', otherEnd, 'up')
  }
  /** `proxima <args>` on a host. */
  proxima(host: string, ...args: readonly string[]): Running {
    return new Running('ip', ['netns', 'exec', `${this.prefix}-${host}`, process.execPath, program, ...args])
  }
  close(): void {
    for (const name of this.spaces) ip('netns', 'del', `${this.prefix}-${name}`)
  }
}
