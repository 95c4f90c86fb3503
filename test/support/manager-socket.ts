/** Socket of the Unix domain at which a service manager would listen: by perl, which Debian always has. It prints each datagram. */
import { Running } from './process.ts'

const script = String.raw`
use Socket; $| = 1;
my ($name) = @ARGV;
$name =~ s/^@/\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, pack_sockaddr_un($name)) or die "bind: $!";
print "bound\n";
while (defined recv($socket, my $text, 65536, 0)) { $text =~ s/\n/ | /g; print "$text\n" }
`

/** Resolves once it is bound. Its lines are the datagrams, with ` | ` for each line end. */
export async function managerSocket(name: string): Promise<Running> {
  const manager = new Running('perl', ['-e', script, name])
  await manager.said(/^bound\n/)
  return manager
}

/** Datagrams so far. */
export function toldTo(manager: Running): readonly string[] {
  return manager.out.split('\n').slice(1, -1)
}
