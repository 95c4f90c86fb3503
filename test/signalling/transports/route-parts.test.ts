/** User part of a Route of ours: the element, and the token behind the first dot. */
import test from 'ava'
import { elementOfRoute, routeUser, tokenOfRoute } from '../../../signalling/transports/route-parts.ts'

for (const [user, element, token] of [
  ['proxy.body.hidden.seal', 'proxy', 'body.hidden.seal'],
  ['mme', 'mme', undefined],
  ['proxy.', 'proxy', ''],
  ['.body.seal', '', 'body.seal'],
  ['', '', undefined],
] as const) {
  test(`"${user}"`, (t) => {
    t.is(elementOfRoute(user), element)
    t.is(tokenOfRoute(user), token)
    if (token !== undefined) t.is(routeUser(element, token), user)
  })
}
