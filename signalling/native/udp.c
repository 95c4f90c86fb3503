/*
 * UDP in batches for Linux: recvmmsg into one arena, one call into JavaScript a batch, sendmmsg of what a turn of the loop
 * queued. The other half, and what it promises, is signalling/transports/udp-native.ts; `shared` is laid out the same there.
 * Arrivals in quick succession are gathered for a millisecond (test/bench/README.md): polling stops and a timer
 * reads. A turn that takes longer than that finds the timer due, so a busy loop never waits, and an idle one only polls.
 */
#include "udp.h"

void read_name(const Socket *s, const struct sockaddr_in6 *name, int32_t *record) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
  memset(record + w_port, 0, 6 * sizeof(int32_t));
  record[w_port] = ntohs(s->ipv6 ? name->sin6_port : v4->sin_port);
  if (!s->ipv6) memcpy(record + w_address, &v4->sin_addr, 4);
  else {
    record[w_scope] = (int32_t)name->sin6_scope_id;
    memcpy(record + w_address, &name->sin6_addr, 16);
  }
}

socklen_t write_name(const Socket *s, struct sockaddr_in6 *name, const int32_t *record) {
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

static void tell_simply(Socket *s, int kind, int count) {
  napi_handle_scope scope;
  napi_value nothing;
  if (s->ending || napi_open_handle_scope(s->env, &scope) != napi_ok) return;
  if (napi_get_undefined(s->env, &nothing) == napi_ok) tell(s, kind, count, nothing);
  napi_close_handle_scope(s->env, scope);
}

/* From and To have tags. */
static int in_dialog(const uint8_t *bytes, size_t length) {
  const uint8_t *tag = memmem(bytes, length, "tag=", 4);
  return tag != NULL && memmem(tag + 4, length - (size_t)(tag + 4 - bytes), "tag=", 4) != NULL;
}

/* Whether a datagram begins something: word for word `seemsNew` of signalling/overload/new-requests.ts. */
static int begins(const uint8_t *bytes, size_t length) {
  int second = length > 1 ? bytes[1] : 0;
  switch (length > 0 ? bytes[0] : 0) {
    case 'I': case 'M': case 'O': return !in_dialog(bytes, length);
    case 'P': return second == 'U' && memmem(bytes, length, "SIP-If-Match", 12) == NULL;
    case 'R': return memmem(bytes, length, "Authorization", 13) == NULL && !in_dialog(bytes, length);
    case 'S': return second == 'U' && !in_dialog(bytes, length);
    default: return 0;
  }
}

/* Which of those that came are handed up: of those that begin something no more than there is room for. Gives how many. */
static int sift(Socket *s, int count) {
  int32_t *room = &s->shared[at_room];
  int kept = 0;
  for (int i = 0; i < count; i++) {
    if (*room >= 0 && begins(s->arena + (size_t)i * slot, s->in[i].msg_len)) {
      if (*room == 0) {
        s->shared[at_unread]++;
        continue;
      }
      (*room)--;
    }
    s->kept[kept++] = i;
  }
  return kept;
}

/* One buffer for as many as fit in `together`: little to allocate, and one that is kept holds on to no more than that. */
static int hand_up_some(Socket *s, int from, int count) {
  napi_value buffer;
  void *to = NULL;
  size_t total = s->in[s->kept[from]].msg_len, at = 0;
  int end = from + 1;
  while (end < count && total + s->in[s->kept[end]].msg_len <= together) total += s->in[s->kept[end++]].msg_len;
  if (napi_create_buffer(s->env, total, &to, &buffer) != napi_ok) return end;
  for (int k = from; k < end; k++) {
    int32_t *record = s->shared + at_received + 8 * (k - from);
    int i = s->kept[k];
    size_t length = s->in[i].msg_len;
    if (length > 0) memcpy((uint8_t *)to + at, s->arena + (size_t)i * slot, length);
    at += length;
    record[w_first] = (int32_t)length;
    read_name(s, &s->in_names[i], record);
  }
  tell(s, kind_received, end - from, buffer);
  return end;
}

/* Gives how many were. */
static int hand_up(Socket *s, int came) {
  napi_handle_scope scope;
  int count = sift(s, came);
  for (int from = 0; from < count && !s->closing;) {
    if (napi_open_handle_scope(s->env, &scope) != napi_ok) break;
    from = hand_up_some(s, from, count);
    napi_close_handle_scope(s->env, scope);
  }
  return count;
}

/* What the kernel says of an ICMP message (struct sock_extended_err of linux/errqueue.h, which is not everywhere). */
typedef struct {
  uint32_t why;
  uint8_t origin, type, code, pad;
  uint32_t info, data;
} Trouble;

/* Host, network, port or protocol unreachable, or a parameter problem (RFC 3261 §18.4), which ICMP has told; all else passes. */
static int is_unreachable(struct msghdr *message) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    Trouble trouble;
    int v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
    int v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
    if ((!v4 && !v6) || c->cmsg_len < CMSG_LEN(sizeof trouble)) continue;
    memcpy(&trouble, CMSG_DATA(c), sizeof trouble);
    if (trouble.origin == 2) return (trouble.type == 3 && trouble.code != 4) || trouble.type == 12; /* 3/4: fragmentation needed */
    if (trouble.origin == 3) return trouble.type == 1 || trouble.type == 4;
  }
  return 0;
}

/* Hands up what ICMP quotes of datagrams that found nobody. Only where JavaScript is not in the middle of a call. */
static void take_errors(Socket *s) {
  s->errors = 0;
  for (int i = 0; i < batch && !s->closing; i++) {
    uint8_t quoted[quoted_most];
    union { struct cmsghdr align; uint8_t bytes[512]; } control;
    struct iovec part = {quoted, sizeof quoted};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    napi_handle_scope scope;
    napi_value buffer;
    ssize_t length = recvmsg(s->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (length < 0) return;
    if (length == 0 || !is_unreachable(&message) || napi_open_handle_scope(s->env, &scope) != napi_ok) continue;
    if (napi_create_buffer_copy(s->env, (size_t)length, quoted, NULL, &buffer) == napi_ok) tell(s, kind_unreachable, 0, buffer);
    napi_close_handle_scope(s->env, scope);
  }
  s->errors = 1; /* some may be left */
}

/* Reads what is there, until so many are handed up or unread. Gives the number of datagrams; `*more`: some may be left. */
static int take(Socket *s, int *more) {
  int total = 0, handed = 0, errors = 0;
  *more = 0;
  for (int round = 0; round < rounds && handed < handed_most && !s->closing; round++) {
    for (int i = 0; i < batch; i++) s->in[i].msg_hdr.msg_namelen = sizeof s->in_names[i];
    int count = recvmmsg(s->fd, s->in, batch, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN) s->errors = 1; /* ICMP told it of an earlier send, or a signal came */
    if (count < 0 && errno != EAGAIN && errors++ < rounds) continue;
    if (count <= 0) return total;
    total += count;
    handed += hand_up(s, count);
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

void flush(Socket *s) {
  int32_t *count = &s->shared[at_queued];
  int tries = 0;
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
    if (sent > 0) {
      s->head += sent;
      tries = 0;
    } else if (errno == EINTR) continue;
    else if (errno == EAGAIN) {
      s->blocked = 1;
      watch(s, s->events | UV_WRITABLE);
      return;
    } else if (++tries < tries_most) s->errors = 1; /* of an earlier one, most likely, and now it has been told */
    else {
      tries = 0;
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

static void flush_if_queued(Socket *s) {
  if (s->shared[at_queued] != 0 && !s->blocked && !s->closing) flush(s);
  int count = s->failures;
  s->failures = 0;
  if (count > 0) tell_simply(s, kind_failed, count);
}
/* Before the loop waits, and after it has: whatever queued a message, it leaves in the same turn. */
static void on_prepare(uv_prepare_t *prepare) { flush_if_queued(prepare->data); }
static void on_check(uv_check_t *check) { flush_if_queued(check->data); }

static void on_timer(uv_timer_t *timer) {
  Socket *s = timer->data;
  int more;
  int count = take(s, &more);
  if (s->errors && !s->closing) take_errors(s);
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
  if ((s->errors || status < 0) && !s->closing) take_errors(s);
  if (s->closing) return;
  if (status < 0) {
    s->events = 0; /* an error of the socket, which reading has taken: libuv has stopped polling, for room too */
    s->blocked = 0;
    flush_if_queued(s);
    if (s->closing) return;
  }
  if (status < 0 || (count > 0 && !more && now - s->last <= quick_ms)) {
    watch(s, s->events & ~UV_READABLE);
    uv_timer_start(&s->timer, on_timer, gather_ms, 0);
  }
  s->last = now;
}

void release(Socket *s) {
  if (s->open_handles > 0 || !s->collected) return;
  free(s->arena);
  free(s);
}

/* After the last handle nothing of the loop knows the socket; its memory goes when JavaScript has let go too. */
static void on_closed(uv_handle_t *handle) {
  Socket *s = handle->data;
  if (--s->open_handles > 0) return;
  free(s->arena);
  s->arena = NULL;
  tell_simply(s, kind_closed, 0);
  napi_async_cleanup_hook_handle hook = s->hook;
  napi_delete_reference(s->env, s->listener);
  napi_delete_reference(s->env, s->shared_ref);
  napi_delete_reference(s->env, s->queue_ref);
  release(s);
  napi_remove_async_cleanup_hook(hook);
}

void end(Socket *s) {
  if (s->closing) return;
  for (int i = 0; i < 16 && s->shared[at_queued] != 0; i++) flush(s); /* what still finds no room then is lost */
  watch(s, 0);
  s->closing = 1;
  uv_handle_t *all[handles] = {(uv_handle_t *)&s->poll, (uv_handle_t *)&s->timer, (uv_handle_t *)&s->prepare, (uv_handle_t *)&s->check};
  for (int i = 0; i < handles; i++) uv_close(all[i], on_closed);
  close(s->fd);
}

void start(Socket *s) {
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
