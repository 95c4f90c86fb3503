/* What JavaScript may call; the types are in signalling/transports/udp-native.ts. A wrong argument is a TypeError. */
#include "udp.h"

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
  int size = kernel_buffer, yes = 1;
  socklen_t length = write_name(s, &name, record);
  s->fd = socket(s->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) return -errno;
  setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* as much of it as the system gives */
  setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  setsockopt(s->fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes); /* what ICMP says of datagrams that found nobody */
  if (s->ipv6) setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes);
  if (bind(s->fd, (struct sockaddr *)&name, length) != 0 || getsockname(s->fd, (struct sockaddr *)&name, &length) != 0) {
    int why = errno;
    close(s->fd);
    return -why;
  }
  return ntohs(s->ipv6 ? name.sin6_port : ((struct sockaddr_in *)&name)->sin_port);
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
  if (s == NULL || arena == NULL) {
    result = number(env, -ENOMEM);
    goto failed;
  }
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
failed:
  free(arena);
  free(s);
  return result;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } calls[] = {
      {"open", js_open}, {"close", js_close}, {"flush", js_flush}, {"parse", js_parse}, {"name", js_name},
      {"sendUnix", js_send_unix}};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    napi_value function;
    if (napi_create_function(env, calls[i].name, NAPI_AUTO_LENGTH, calls[i].call, NULL, &function) == napi_ok)
      napi_set_named_property(env, exports, calls[i].name, function);
  }
  return exports;
}
