/*
 * UDP in batches for Linux: recvmmsg into one arena, one call into JavaScript a batch, sendmmsg of what a turn of the loop
 * queued. The other half, and what it promises, is signalling/transports/udp-native.ts; `shared` is laid out the same there.
 * Arrivals in quick succession are gathered for a millisecond (PERFORMANCE.md §The floor in Node): polling stops and a timer
 * reads. A turn that takes longer than that finds the timer due, so a busy loop never waits, and an idle one only polls.
 */
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

enum { batch = 64, rounds = 4, slot = 65536, queued_most = 512, failures_most = 8, handles = 4 };
enum { gather_ms = 1, quick_ms = 2, kernel_buffer = 8 * 1024 * 1024 };
/* `shared`: the count of queued messages, one address to work on, then records of 8 words: received, queued, failed. */
enum { at_queued = 0, at_scratch = 8, at_received = 16, at_queue = at_received + 8 * batch };
enum { at_failed = at_queue + 8 * queued_most, words_total = at_failed + 8 * failures_most };
/* A record: length (received), offset (queued) or errno (failed); length; port; scope; four words of address as on the wire. */
enum { w_first, w_length, w_port, w_scope, w_address };

typedef struct {
  napi_env env;
  napi_async_cleanup_hook_handle hook;
  napi_ref listener, shared_ref, queue_ref;
  uv_loop_t *loop;
  uv_poll_t poll;
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  int fd, ipv6, events, head, blocked, failures, closing, ending, open_handles, collected;
  uint64_t last;
  int32_t *shared;
  uint8_t *queue, *arena;
  size_t queue_size;
  struct mmsghdr in[batch], out[batch];
  struct iovec in_parts[batch], out_parts[batch];
  struct sockaddr_in6 in_names[batch], out_names[batch];
} Socket;

static void read_name(const Socket *s, const struct sockaddr_in6 *name, int32_t *record) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
  memset(record + w_port, 0, 6 * sizeof(int32_t));
  record[w_port] = ntohs(s->ipv6 ? name->sin6_port : v4->sin_port);
  if (!s->ipv6) memcpy(record + w_address, &v4->sin_addr, 4);
  else {
    record[w_scope] = (int32_t)name->sin6_scope_id;
    memcpy(record + w_address, &name->sin6_addr, 16);
  }
}

static socklen_t write_name(const Socket *s, struct sockaddr_in6 *name, const int32_t *record) {
  memset(name, 0, sizeof *name);
  if (s->ipv6) {
    name->sin6_family = AF_INET6;
    name->sin6_port = htons((uint16_t)record[w_port]);
    name->sin6_scope_id = (uint32_t)record[w_scope];
    memcpy(&name->sin6_addr, record + w_address, 16);
    return sizeof *name;
  }
  struct sockaddr_in *v4 = (struct sockaddr_in *)name;
  v4->sin_family = AF_INET;
  v4->sin_port = htons((uint16_t)record[w_port]);
  memcpy(&v4->sin_addr, record + w_address, 4);
  return sizeof *v4;
}

/* Calls listener(kind, count, bytes); a fault of it goes where those of any callback go. */
static void tell(Socket *s, int kind, int count, napi_value bytes) {
  napi_value listener, receiver, args[3];
  args[2] = bytes;
  if (napi_get_reference_value(s->env, s->listener, &listener) != napi_ok || napi_get_global(s->env, &receiver) != napi_ok) return;
  if (napi_create_int32(s->env, kind, &args[0]) != napi_ok || napi_create_int32(s->env, count, &args[1]) != napi_ok) return;
  if (napi_make_callback(s->env, NULL, receiver, listener, 3, args, NULL) != napi_pending_exception) return;
  napi_value fault;
  if (napi_get_and_clear_last_exception(s->env, &fault) == napi_ok) napi_fatal_exception(s->env, fault);
}

enum { kind_received, kind_failed, kind_closed };

static void tell_simply(Socket *s, int kind, int count) {
  napi_handle_scope scope;
  napi_value nothing;
  if (s->ending || napi_open_handle_scope(s->env, &scope) != napi_ok) return;
  if (napi_get_undefined(s->env, &nothing) == napi_ok) tell(s, kind, count, nothing);
  napi_close_handle_scope(s->env, scope);
}

/* One buffer for the whole batch: little to allocate, and a message that is kept holds on to one batch at most. */
static void hand_up(Socket *s, int count) {
  napi_handle_scope scope;
  napi_value buffer;
  void *to = NULL;
  size_t total = 0, at = 0;
  if (napi_open_handle_scope(s->env, &scope) != napi_ok) return;
  for (int i = 0; i < count; i++) total += s->in[i].msg_len;
  if (napi_create_buffer(s->env, total, &to, &buffer) == napi_ok) {
    for (int i = 0; i < count; i++) {
      int32_t *record = s->shared + at_received + 8 * i;
      size_t length = s->in[i].msg_len;
      if (length > 0) memcpy((uint8_t *)to + at, s->arena + (size_t)i * slot, length);
      at += length;
      record[w_first] = (int32_t)length;
      read_name(s, &s->in_names[i], record);
    }
    tell(s, kind_received, count, buffer);
  }
  napi_close_handle_scope(s->env, scope);
}

/* Reads what is there, at most `rounds` batches. Gives the number of datagrams; `*more`: some may be left. */
static int take(Socket *s, int *more) {
  int total = 0, errors = 0;
  *more = 0;
  for (int round = 0; round < rounds && !s->closing; round++) {
    for (int i = 0; i < batch; i++) s->in[i].msg_hdr.msg_namelen = sizeof s->in_names[i];
    int count = recvmmsg(s->fd, s->in, batch, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN && errors++ < rounds) continue; /* ICMP told it of an earlier send, or a signal came */
    if (count <= 0) return total;
    total += count;
    hand_up(s, count);
    if (count < batch) return total;
  }
  *more = 1;
  return total;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(Socket *s, int events) {
  if (s->closing || events == s->events) return;
  s->events = events;
  if (events == 0) uv_poll_stop(&s->poll);
  else uv_poll_start(&s->poll, events, on_poll);
}

/* Sends what is queued, in order. What the kernel has no room for stays; what it refuses is noted for `report`. */
static void flush(Socket *s) {
  int32_t *count = &s->shared[at_queued];
  if (*count < 0 || *count > queued_most) *count = 0;
  while (s->head < *count) {
    int n = *count - s->head < batch ? *count - s->head : batch;
    for (int i = 0; i < n; i++) {
      const int32_t *record = s->shared + at_queue + 8 * (s->head + i);
      size_t offset = (uint32_t)record[w_first], length = (uint32_t)record[w_length];
      if (offset > s->queue_size || length > s->queue_size - offset) offset = length = 0;
      s->out_parts[i] = (struct iovec){s->queue + offset, length};
      s->out[i].msg_hdr.msg_namelen = write_name(s, &s->out_names[i], record);
    }
    int sent = sendmmsg(s->fd, s->out, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) s->head += sent;
    else if (errno == EINTR) continue;
    else if (errno == EAGAIN) {
      s->blocked = 1;
      watch(s, s->events | UV_WRITABLE);
      return;
    } else {
      int32_t *failed = s->shared + at_failed + 8 * s->failures;
      int why = errno;
      memcpy(failed, s->shared + at_queue + 8 * s->head, 8 * sizeof(int32_t));
      failed[w_first] = why;
      if (s->failures < failures_most - 1) s->failures++; /* of more than that the last is told */
      s->head++;
    }
  }
  s->head = *count = s->blocked = 0;
}

static void report(Socket *s) {
  int count = s->failures;
  s->failures = 0;
  if (count > 0) tell_simply(s, kind_failed, count);
}

static void flush_if_queued(Socket *s) {
  if (s->shared[at_queued] != 0 && !s->blocked && !s->closing) flush(s);
  if (s->failures > 0) report(s);
}
/* Before the loop waits, and after it has: whatever queued a message, it leaves in the same turn. */
static void on_prepare(uv_prepare_t *prepare) { flush_if_queued(prepare->data); }
static void on_check(uv_check_t *check) { flush_if_queued(check->data); }

static void on_timer(uv_timer_t *timer) {
  Socket *s = timer->data;
  int more;
  int count = take(s, &more);
  if (s->closing) return;
  if (count > 0) uv_timer_start(timer, on_timer, more ? 0 : gather_ms, 0);
  else watch(s, s->events | UV_READABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  Socket *s = poll->data;
  uint64_t now = uv_now(s->loop);
  int more;
  if (events & UV_WRITABLE) {
    s->blocked = 0;
    watch(s, s->events & ~UV_WRITABLE);
    flush_if_queued(s);
  }
  if (status == 0 && !(events & UV_READABLE)) return;
  int count = take(s, &more);
  if (s->closing) return;
  if (status < 0) s->events = 0; /* an error of the socket, which reading has taken: libuv has stopped polling */
  if (status < 0 || (count > 0 && !more && now - s->last <= quick_ms)) {
    watch(s, s->events & ~UV_READABLE);
    uv_timer_start(&s->timer, on_timer, gather_ms, 0);
  }
  s->last = now;
}

static void release(Socket *s) {
  if (s->open_handles > 0 || !s->collected) return;
  free(s->arena);
  free(s);
}

/* After the last handle nothing of the loop knows the socket; its memory goes when JavaScript has let go too. */
static void on_closed(uv_handle_t *handle) {
  Socket *s = handle->data;
  if (--s->open_handles > 0) return;
  tell_simply(s, kind_closed, 0);
  napi_async_cleanup_hook_handle hook = s->hook;
  napi_delete_reference(s->env, s->listener);
  napi_delete_reference(s->env, s->shared_ref);
  napi_delete_reference(s->env, s->queue_ref);
  release(s);
  napi_remove_async_cleanup_hook(hook);
}

static void end(Socket *s) {
  if (s->closing) return;
  for (int i = 0; i < 16 && s->shared[at_queued] != 0; i++) flush(s); /* what still finds no room then is lost */
  watch(s, 0);
  s->closing = 1;
  uv_handle_t *all[handles] = {(uv_handle_t *)&s->poll, (uv_handle_t *)&s->timer, (uv_handle_t *)&s->prepare, (uv_handle_t *)&s->check};
  for (int i = 0; i < handles; i++) uv_close(all[i], on_closed);
  close(s->fd);
}

static void on_teardown(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  ((Socket *)data)->ending = 1;
  end(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  ((Socket *)data)->collected = 1;
  release(data);
}

/* What a call was given: the socket first, but for `open`. NULL after a TypeError. */
static Socket *arguments(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
  void *data = NULL;
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, args, NULL, NULL) != napi_ok || given < count ||
      napi_get_value_external(env, args[0], &data) != napi_ok)
    napi_throw_type_error(env, NULL, "expected an open socket");
  return data;
}

static napi_value number(napi_env env, int value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

/* An address in text, with `%interface` where it has one. 0: it is none, or not for this family. */
static int parse(int ipv6, char *text, int32_t *record) {
  struct in_addr v4;
  char *scope = strchr(text, '%');
  memset(record + w_scope, 0, 5 * sizeof(int32_t));
  if (scope != NULL) *scope++ = 0;
  if (inet_pton(AF_INET, text, &v4) == 1 && scope == NULL) {
    if (ipv6) record[w_address + 2] = (int32_t)htonl(0xffff); /* ::ffff:a.b.c.d */
    memcpy(record + w_address + (ipv6 ? 3 : 0), &v4, 4);
    return 1;
  }
  if (!ipv6 || inet_pton(AF_INET6, text, record + w_address) != 1) return 0;
  if (scope != NULL && (record[w_scope] = (int32_t)if_nametoindex(scope)) == 0) record[w_scope] = atoi(scope);
  return 1;
}

/* parse(socket, host): fills the scratch record; whether it could. */
static napi_value js_parse(napi_env env, napi_callback_info info) {
  napi_value args[2], result = NULL;
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  Socket *s = arguments(env, info, 2, args);
  if (s == NULL || s->open_handles == 0) return NULL;
  size_t length = 0;
  int good = napi_get_value_string_utf8(env, args[1], text, sizeof text, &length) == napi_ok;
  good = good && length < sizeof text - 1 && parse(s->ipv6, text, s->shared + at_scratch);
  napi_get_boolean(env, good, &result);
  return result;
}

/* name(socket, at): the text of the address in the record at that word. */
static napi_value js_name(napi_env env, napi_callback_info info) {
  napi_value args[2], result = NULL;
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 2] = "", interface[IF_NAMESIZE];
  int32_t at = 0;
  Socket *s = arguments(env, info, 2, args);
  if (s == NULL || s->open_handles == 0) return NULL;
  if (napi_get_value_int32(env, args[1], &at) != napi_ok || at < 0 || at > words_total - 8) at = at_scratch;
  const int32_t *record = s->shared + at;
  inet_ntop(s->ipv6 ? AF_INET6 : AF_INET, record + w_address, text, INET6_ADDRSTRLEN);
  if (record[w_scope] != 0 && if_indextoname((unsigned)record[w_scope], interface) != NULL) {
    strcat(text, "%");
    strcat(text, interface);
  }
  napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* flush(socket): now, and not only at the end of the turn. */
static napi_value js_flush(napi_env env, napi_callback_info info) {
  napi_value args[1];
  Socket *s = arguments(env, info, 1, args);
  if (s != NULL && !s->closing && !s->blocked) flush(s);
  return NULL;
}

static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value args[1];
  Socket *s = arguments(env, info, 1, args);
  if (s != NULL) end(s);
  return NULL;
}

/* Binds; gives the port, or an errno as a negative number. */
static int bind_to(Socket *s, const int32_t *record) {
  struct sockaddr_in6 name;
  int size = kernel_buffer;
  socklen_t length = write_name(s, &name, record);
  s->fd = socket(s->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) return -errno;
  setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* as much of it as the system gives */
  setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (bind(s->fd, (struct sockaddr *)&name, length) != 0 || getsockname(s->fd, (struct sockaddr *)&name, &length) != 0) {
    int why = errno;
    close(s->fd);
    return -why;
  }
  return ntohs(s->ipv6 ? name.sin6_port : ((struct sockaddr_in *)&name)->sin_port);
}

static void start(Socket *s) {
  for (int i = 0; i < batch; i++) {
    s->in_parts[i] = (struct iovec){s->arena + (size_t)i * slot, slot};
    s->in[i].msg_hdr.msg_iov = &s->in_parts[i];
    s->out[i].msg_hdr.msg_iov = &s->out_parts[i];
    s->in[i].msg_hdr.msg_iovlen = s->out[i].msg_hdr.msg_iovlen = 1;
    s->in[i].msg_hdr.msg_name = &s->in_names[i];
    s->out[i].msg_hdr.msg_name = &s->out_names[i];
  }
  s->poll.data = s->timer.data = s->prepare.data = s->check.data = s;
  uv_timer_init(s->loop, &s->timer);
  uv_prepare_init(s->loop, &s->prepare);
  uv_check_init(s->loop, &s->check);
  uv_prepare_start(&s->prepare, on_prepare);
  uv_check_start(&s->check, on_check);
  uv_unref((uv_handle_t *)&s->prepare);
  uv_unref((uv_handle_t *)&s->check);
  s->open_handles = handles;
  watch(s, UV_READABLE);
}

/* open(host, port, ipv6, shared, queue, listener): the socket; its port is left in the scratch record. Or a negative errno. */
static napi_value js_open(napi_env env, napi_callback_info info) {
  napi_value args[6], result = NULL;
  size_t given = 6, words = 0, length = 0;
  char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  int32_t port = 0, record[8] = {0};
  bool ipv6 = false;
  void *shared = NULL, *queue = NULL;
  napi_typedarray_type shared_type, queue_type;
  napi_valuetype listener_type;
  Socket *s = calloc(1, sizeof *s);
  uint8_t *arena = malloc((size_t)batch * slot);
  if (s == NULL || arena == NULL) goto no_memory;
  s->arena = arena;
  s->env = env;
  if (napi_get_cb_info(env, info, &given, args, NULL, NULL) != napi_ok || given < 6 ||
      napi_get_value_string_utf8(env, args[0], host, sizeof host, &length) != napi_ok || length >= sizeof host - 1 ||
      napi_get_value_int32(env, args[1], &port) != napi_ok || napi_get_value_bool(env, args[2], &ipv6) != napi_ok ||
      napi_get_typedarray_info(env, args[3], &shared_type, &words, &shared, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, args[4], &queue_type, &s->queue_size, &queue, NULL, NULL) != napi_ok ||
      napi_typeof(env, args[5], &listener_type) != napi_ok || listener_type != napi_function ||
      shared_type != napi_int32_array || queue_type != napi_uint8_array || words != words_total) {
    napi_throw_type_error(env, NULL, "open(host, port, ipv6, shared, queue, listener)");
    goto failed;
  }
  s->ipv6 = ipv6;
  s->shared = shared;
  s->queue = queue;
  record[w_port] = port;
  int got = parse(ipv6, host, record) ? bind_to(s, record) : -EINVAL;
  if (got >= 0 && (napi_get_uv_event_loop(env, &s->loop) != napi_ok || uv_poll_init(s->loop, &s->poll, s->fd) != 0)) {
    close(s->fd);
    got = -ENOSYS;
  }
  if (got < 0) {
    result = number(env, got);
    goto failed;
  }
  start(s);
  s->shared[at_scratch] = got;
  napi_create_reference(env, args[3], 1, &s->shared_ref);
  napi_create_reference(env, args[4], 1, &s->queue_ref);
  napi_create_reference(env, args[5], 1, &s->listener);
  napi_add_async_cleanup_hook(env, on_teardown, s, &s->hook);
  if (napi_create_external(env, s, on_collected, NULL, &result) != napi_ok) {
    s->collected = 1;
    end(s);
    return number(env, -ENOMEM);
  }
  return result;
no_memory:
  result = number(env, -ENOMEM);
failed:
  free(arena);
  free(s);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"open", NULL, js_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, js_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"flush", NULL, js_flush, NULL, NULL, NULL, napi_enumerable, NULL},
      {"parse", NULL, js_parse, NULL, NULL, NULL, napi_enumerable, NULL},
      {"name", NULL, js_name, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}
