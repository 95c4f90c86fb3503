/*
 * What udp.c (a socket on the event loop), calls.c and unix.c (what JavaScript may call) share: the socket, and the layout of
 * `shared`, which signalling/transports/udp-native.ts repeats.
 */
#pragma once
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { batch = 64, rounds = 16, handed_most = 256, slot = 65536, queued_most = 512, failures_most = 8, handles = 4 };
enum { quoted_most = 1280, tries_most = 3 };
enum { gather_ms = 1, quick_ms = 2, kernel_buffer = 8 * 1024 * 1024, together = 16 * 1024 };
/*
 * `shared`: the count of queued messages; how many that begin something may be handed up until it is set again, below 0: all;
 * how many went unread for that, which JavaScript sets to 0; one address to work on, then records of 8 words: received, queued, failed.
 */
enum { at_queued = 0, at_room = 1, at_unread = 2, at_scratch = 8, at_received = 16, at_queue = at_received + 8 * batch };
enum { at_failed = at_queue + 8 * queued_most, words_total = at_failed + 8 * failures_most };
/* A record: length (received), offset (queued) or errno (failed); length; port; scope; four words of address as on the wire. */
enum { w_first, w_length, w_port, w_scope, w_address };

enum { kind_received, kind_failed, kind_closed, kind_unreachable }; /* what the listener is told */

typedef struct {
  napi_env env;
  napi_async_cleanup_hook_handle hook;
  napi_ref listener, shared_ref, queue_ref;
  uv_loop_t *loop;
  uv_poll_t poll;
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  int kept[batch];
  int fd, ipv6, events, head, blocked, failures, errors, closing, ending, open_handles, collected;
  uint64_t last;
  int32_t *shared;
  uint8_t *queue, *arena;
  size_t queue_size;
  struct mmsghdr in[batch], out[batch];
  struct iovec in_parts[batch], out_parts[batch];
  struct sockaddr_in6 in_names[batch], out_names[batch];
} Socket;

/* The peer's name from a record, and into one; the length of the name. */
void read_name(const Socket *s, const struct sockaddr_in6 *name, int32_t *record);
socklen_t write_name(const Socket *s, struct sockaddr_in6 *name, const int32_t *record);
/* Sends what is queued, in order. What the kernel has no room for stays; what it refuses is told at the end of the turn. */
void flush(Socket *s);
/* Starts the loop's handles on a bound descriptor. */
void start(Socket *s);
/* Sends the rest, closes, and tells when that is done; a second time nothing. */
void end(Socket *s);
/* Frees a socket that is closed and that JavaScript has let go. */
void release(Socket *s);
/* What JavaScript may call beside calls.c. */
napi_value js_send_unix(napi_env env, napi_callback_info info);
