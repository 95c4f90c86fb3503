/* Included in front of udp.c by the tests: system calls that now and then take less, are interrupted, or find no room. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static unsigned flaky_turn = 1;
static unsigned flaky(void) {
  flaky_turn = flaky_turn * 1103515245u + 12345u;
  return (flaky_turn >> 16) % 8;
}

static inline int flaky_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  switch (flaky()) {
    case 0: return errno = EINTR, -1;
    case 1: return errno = EAGAIN, -1;
    case 2: return sendmmsg(fd, messages, 1, flags);
    case 3: return sendmmsg(fd, messages, (count + 1) / 2, flags);
    default: return sendmmsg(fd, messages, count, flags);
  }
}

static inline int flaky_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  switch (flaky()) {
    case 0: return errno = EINTR, -1;
    case 1: return errno = ECONNREFUSED, -1;
    case 2: return recvmmsg(fd, messages, 1, flags, timeout);
    default: return recvmmsg(fd, messages, count, flags, timeout);
  }
}

#define sendmmsg flaky_sendmmsg
#define recvmmsg flaky_recvmmsg
