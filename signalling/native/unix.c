/*
 * Datagrams to a socket of the Unix domain, by path, or by its abstract name where that begins with @: Node has none. The other
 * half is signalling/transports/unix-datagram.ts.
 */
#include "udp.h"
#include <stddef.h>
#include <sys/un.h>

static int send_to(const struct sockaddr_un *name, size_t length, const void *bytes, size_t size) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t whole = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  int outcome = sendto(fd, bytes, size, MSG_NOSIGNAL, (const struct sockaddr *)name, whole) < 0 ? -errno : 0;
  close(fd);
  return outcome;
}

/* sendUnix(name, bytes): 0 once it is sent, or a negative errno; it never waits. */
napi_value js_send_unix(napi_env env, napi_callback_info info) {
  napi_value args[2], result = NULL;
  size_t given = 2, length = 0, size = 0;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  napi_typedarray_type type;
  void *bytes = NULL;
  if (napi_get_cb_info(env, info, &given, args, NULL, NULL) != napi_ok || given < 2 ||
      napi_get_value_string_utf8(env, args[0], NULL, 0, &length) != napi_ok ||
      napi_get_typedarray_info(env, args[1], &type, &size, &bytes, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    napi_throw_type_error(env, NULL, "sendUnix(name, bytes)");
    return NULL;
  }
  int outcome = -ENAMETOOLONG;
  if (length < sizeof name.sun_path) {
    napi_get_value_string_utf8(env, args[0], name.sun_path, sizeof name.sun_path, NULL);
    int is_abstract = name.sun_path[0] == '@';
    if (is_abstract) name.sun_path[0] = 0;
    outcome = send_to(&name, is_abstract ? length : length + 1, bytes, size);
  }
  napi_create_int32(env, outcome, &result);
  return result;
}
