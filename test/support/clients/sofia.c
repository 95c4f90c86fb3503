/* A user agent on sofia-sip's nua that is driven by lines: commands on standard input, what happens on standard output.
 * The lines are those of test/interop/peers/driven.ts. Arguments: user, password, server, transport (udp, tcp, tls), and for
 * tls a folder with agent.pem (its certificate and key) and cafile.pem (whose certificates it believes). */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct watched {
  char name[200]; /* event and user */
  struct nua_handle_s *handle;
  struct watched *next;
};

#define NUA_MAGIC_T struct agent
#define NUA_HMAGIC_T struct watched
#define SU_ROOT_MAGIC_T struct agent
#include <sofia-sip/nua.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>
#include <sofia-sip/url.h>

struct agent {
  su_root_t *root;
  nua_t *nua;
  nua_handle_t *registration, *publication, *call;
  struct watched *watched;
  char credentials[300], me[200];
};

static const char offer[] =
  "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n";

static void say(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
}

static void say_notify(const sip_t *sip)
{
  const char *state = sip->sip_subscription_state ? sip->sip_subscription_state->ss_substate : "active";
  printf("notify %s %s ", sip->sip_event ? sip->sip_event->o_type : "none", state);
  if (sip->sip_payload)
    for (size_t i = 0; i < sip->sip_payload->pl_len; i++) {
      unsigned char c = sip->sip_payload->pl_data[i];
      printf(isalnum(c) ? "%c" : "%%%02X", c);
    }
  putchar('\n');
  fflush(stdout);
}

/* True where the answer is a challenge, which is then met. */
static int challenged(struct agent *agent, int status, nua_handle_t *handle)
{
  if (status != 401 && status != 407) return 0;
  nua_authenticate(handle, NUTAG_AUTH(agent->credentials), TAG_END());
  return 1;
}

static void happened(nua_event_t event, int status, char const *phrase, nua_t *nua, struct agent *agent, nua_handle_t *handle,
                     struct watched *watched, sip_t const *sip, tagi_t tags[])
{
  const char *answered = NULL;
  (void)phrase, (void)nua, (void)watched, (void)tags;
  switch (event) {
  case nua_r_register: answered = "register"; break;
  case nua_r_unregister: answered = "unregister"; break;
  case nua_r_message: answered = "message"; break;
  case nua_r_publish: answered = "publish"; break;
  case nua_r_subscribe: answered = "watch"; break;
  case nua_r_unsubscribe: answered = "unwatch"; break;
  case nua_r_bye: answered = "bye"; break;
  case nua_r_invite:
    if (status == 180) say("ringing");
    answered = "call";
    break;
  case nua_i_message:
    if (sip && sip->sip_payload && sip->sip_content_type && strcasecmp(sip->sip_content_type->c_type, "text/plain") == 0)
      say("got %.*s", (int)sip->sip_payload->pl_len, sip->sip_payload->pl_data);
    break;
  case nua_i_notify:
    if (sip) say_notify(sip);
    break;
  case nua_i_invite:
    if (agent->call) nua_handle_unref(agent->call);
    agent->call = nua_handle_ref(handle);
    nua_respond(handle, SIP_180_RINGING, TAG_END());
    say("called");
    break;
  case nua_i_ack: say("talking"); break;
  case nua_i_bye: say("ended"); break;
  case nua_i_cancel: say("cancelled"); break;
  default: break;
  }
  if (answered == NULL || status < 200 || challenged(agent, status, handle)) return;
  say("%s %d", answered, status);
  /* nua_shutdown would wait 30 s for transactions over UDP to be forgotten */
  if (event == nua_r_unregister) su_root_break(agent->root);
}

static nua_handle_t *toward(struct agent *agent, const char *user)
{
  char to[220];
  snprintf(to, sizeof to, "sip:%s@localhost", user);
  return nua_handle(agent->nua, NULL, SIPTAG_TO_STR(to), NUTAG_URL(to), TAG_END());
}

static void watch(struct agent *agent, const char *event, const char *user, const char *type)
{
  struct watched *watched = calloc(1, sizeof *watched);
  snprintf(watched->name, sizeof watched->name, "%s %s", event, user);
  watched->handle = toward(agent, user);
  watched->next = agent->watched;
  agent->watched = watched;
  nua_subscribe(watched->handle, SIPTAG_EVENT_STR(event), SIPTAG_ACCEPT_STR(type), SIPTAG_EXPIRES_STR("600"), TAG_END());
}

static void unwatch(struct agent *agent, const char *name)
{
  for (struct watched *watched = agent->watched; watched; watched = watched->next)
    if (strcmp(watched->name, name) == 0) {
      nua_unsubscribe(watched->handle, TAG_END());
      return;
    }
}

static void obey(struct agent *agent, char *line)
{
  char *rest = line;
  const char *name = strsep(&rest, " ");
  if (strcmp(name, "message") == 0) {
    const char *user = strsep(&rest, " ");
    nua_message(toward(agent, user), SIPTAG_CONTENT_TYPE_STR("text/plain;charset=UTF-8"), SIPTAG_PAYLOAD_STR(rest), TAG_END());
  } else if (strcmp(name, "watch") == 0) {
    const char *event = strsep(&rest, " "), *user = strsep(&rest, " ");
    watch(agent, event, user, rest);
  } else if (strcmp(name, "unwatch") == 0) unwatch(agent, rest);
  else if (strcmp(name, "publish") == 0) {
    const char *type = strsep(&rest, " ");
    nua_publish(agent->publication, SIPTAG_EVENT_STR("presence"), SIPTAG_CONTENT_TYPE_STR(type), SIPTAG_PAYLOAD_STR(rest),
                TAG_END());
  } else if (strcmp(name, "call") == 0) {
    if (agent->call) nua_handle_unref(agent->call);
    agent->call = nua_handle_ref(toward(agent, rest));
    nua_invite(agent->call, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(offer), TAG_END());
  } else if (strcmp(name, "answer") == 0)
    nua_respond(agent->call, SIP_200_OK, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(offer), TAG_END());
  else if (strcmp(name, "cancel") == 0) nua_cancel(agent->call, TAG_END());
  else if (strcmp(name, "bye") == 0) nua_bye(agent->call, TAG_END());
  else if (strcmp(name, "quit") == 0) nua_unregister(agent->registration, TAG_END());
  else say("unknown %s", name);
}

static int typed(struct agent *agent, su_wait_t *wait, su_wakeup_arg_t *ignored)
{
  static char buffer[65536];
  static size_t length;
  (void)wait, (void)ignored;
  ssize_t count = read(0, buffer + length, sizeof buffer - length - 1);
  if (count <= 0) exit(0);
  length += count;
  buffer[length] = '\0';
  char *line = buffer, *end;
  while ((end = strchr(line, '\n'))) {
    *end = '\0';
    obey(agent, line);
    line = end + 1;
  }
  length -= line - buffer;
  memmove(buffer, line, length);
  return 0;
}

int main(int count, char *arguments[])
{
  struct agent agent = { 0 };
  char own[100], proxy[200];
  su_wait_t wait;
  if (count != 5 && count != 6) return 2;
  /* for it TLS is what sips: URIs go by */
  if (count == 6) snprintf(own, sizeof own, "sips:127.0.0.1:*");
  else snprintf(own, sizeof own, "sip:127.0.0.1:*;transport=%s", arguments[4]);
  snprintf(proxy, sizeof proxy, "sip:%s;transport=%s", arguments[3], arguments[4]);
  snprintf(agent.me, sizeof agent.me, "sip:%s@localhost", arguments[1]);
  snprintf(agent.credentials, sizeof agent.credentials, "Digest:\"localhost\":%s:%s", arguments[1], arguments[2]);
  su_init();
  agent.root = su_root_create(&agent);
  agent.nua = nua_create(agent.root, happened, &agent, NUTAG_URL(own), NUTAG_PROXY(proxy), SIPTAG_FROM_STR(agent.me),
                         TAG_IF(count == 6, NUTAG_CERTIFICATE_DIR(arguments[5])), NUTAG_MEDIA_ENABLE(0), NUTAG_AUTOALERT(0), NUTAG_AUTOANSWER(0), NUTAG_SESSION_TIMER(0), TAG_END());
  if (agent.nua == NULL) return 1;
  su_wait_create(&wait, 0, SU_WAIT_IN);
  su_root_register(agent.root, &wait, typed, NULL, 0);
  agent.registration = nua_handle(agent.nua, NULL, SIPTAG_TO_STR(agent.me), TAG_END());
  agent.publication = nua_handle(agent.nua, NULL, SIPTAG_TO_STR(agent.me), NUTAG_URL(agent.me), TAG_END());
  nua_register(agent.registration, NUTAG_REGISTRAR(URL_STRING_MAKE("sip:localhost")), SIPTAG_EXPIRES_STR("600"), TAG_END());
  su_root_run(agent.root);
  return 0;
}
