import type { NetworkInterfaceInfo } from 'node:os'
import test from 'ava'
import { addressOn } from '../../../../dialplans/commands/ue/air.ts'

const address = (address: string, family: 'IPv4' | 'IPv6'): NetworkInterfaceInfo => {
  const common = { address, netmask: '', mac: '', internal: false, cidr: null }
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 0 }
}
const interfaces = {
  lo: [address('127.0.0.1', 'IPv4')],
  eth0: [address('2001:db8::7', 'IPv6'), address('192.0.2.7', 'IPv4'), address('192.0.2.8', 'IPv4')],
  eth1: [address('2001:db8::9', 'IPv6')],
}

test('the network of the air is named by its interface, or by the own address on it', (t) => {
  t.is(addressOn('eth0', interfaces), '192.0.2.7')
  t.is(addressOn('192.0.2.8', interfaces), '192.0.2.8')
})

for (const network of ['eth1', 'wlan0', '192.0.2.99', '2001:db8::7']) {
  test(`no network for the air: ${network}`, (t) => {
    t.throws(() => addressOn(network, interfaces), {
      message: `--air-on ${network} is no interface with an IPv4 address, nor an own address; there are: lo, eth0, eth1`,
    })
  })
}
