/** User part of a Route of ours: the element that it names, and the token of the flow on which it leads on. */

/** `<element>.<token>`, or an element alone. */
export function routeUser(element: string, token: string): string {
  return `${element}.${token}`
}

/** The element that a Route's user part names, if it is one of ours. */
export function elementOfRoute(user: string): string {
  const dot = user.indexOf('.')
  return dot < 0 ? user : user.slice(0, dot)
}

/** The token in a Route's user part, sealed by anybody; undefined: it has none. */
export function tokenOfRoute(user: string): string | undefined {
  const dot = user.indexOf('.')
  return dot < 0 ? undefined : user.slice(dot + 1)
}
