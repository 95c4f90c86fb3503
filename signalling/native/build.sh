#!/bin/sh
# build.sh [output [flags ...]]: compiles these sources to udp.node beside them, where there is a C compiler and Node's headers;
# does and says nothing where there is not (the engine then uses dgram), nor where it is newer than they are. LOUD=1 tells why.
folder=$(cd "$(dirname "$0")" && pwd) || exit 0
output=${1:-$folder/udp.node}
[ $# -gt 0 ] && shift

tell() { [ -z "$LOUD" ] || echo "$*" >&2; }

[ "$(uname -s)" = Linux ] || { tell 'it is for Linux only'; exit 0; }
newest=$(ls -t "$folder"/*.[ch] "$folder/build.sh" | head -n 1)
[ "$output" -nt "$newest" ] && [ $# -eq 0 ] && { tell 'up to date'; exit 0; }
command -v cc >/dev/null 2>&1 || { tell 'there is no C compiler (cc)'; exit 0; }
[ -w "$(dirname "$output")" ] || { tell "this user may not write there; who may, runs sh $folder/build.sh"; exit 0; }

# Headers of any Node from 18 on do: Node-API and libuv 1 keep their binary interface.
home=$(dirname "$(readlink -f "${NODE_BINARY:-$(command -v node)}")")/..
include=
for place in "$home/include/node" "$home"/node_modules/node-linux-*/include/node "$folder"/../../node_modules/node-linux-*/include/node \
  "$folder"/../../node_modules/node/node_modules/node-linux-*/include/node /usr/include/node /usr/local/include/node \
  "$HOME"/.cache/node-gyp/*/include/node; do
  [ -f "$place/node_api.h" ] && [ -f "$place/uv.h" ] && { include=$place; break; }
done
[ -n "$include" ] || { tell "there are no headers of Node (node_api.h, uv.h)"; exit 0; }

# Whole at any time, though several may build at once.
draft="$output.$$"
if faults=$(cc -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden "$@" -I"$include" -o "$draft" "$folder/udp.c" "$folder/calls.c" "$folder/unix.c" 2>&1); then
  mv -f "$draft" "$output" 2>/dev/null
else
  rm -f "$draft" 2>/dev/null
  tell "$faults"
fi
exit 0
