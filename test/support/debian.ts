/** Sees to it that the programs that tests talk to are there; run by `npm test` before the tests that need them. */
import { providePackages } from './packages.ts'

const { left, why } = providePackages(
  {
    sipp: 'sip-tester',
    tshark: 'tshark',
    sipsak: 'sipsak',
    sngrep: 'sngrep',
    baresip: 'baresip-core',
    linphonec: 'linphone-cli',
    '/usr/share/perl5/Net/SIP.pm': 'libnet-sip-perl',
    '/usr/share/perl5/IO/Socket/SSL.pm': 'libio-socket-ssl-perl',
    '/usr/include/sofia-sip-1.12/sofia-sip/nua.h': 'libsofia-sip-ua-dev',
    'twinkle-console': 'twinkle-console',
    chromium: 'chromium',
    svwar: 'sipvicious',
    zsh: 'zsh',
    fish: 'fish',
    'systemd-analyze': 'systemd',
    ip: 'iproute2',
    iptables: 'iptables',
    xmllint: 'libxml2-utils',
  },
  'tests talk to',
)
if (left.length > 0) {
  console.error(`tests need Debian packages that could not be installed (${why}): apt-get install ${left.join(' ')}`)
  process.exit(1)
}
