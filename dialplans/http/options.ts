/** Routes and rights that the interface below `/v1` serves with. */
import { roles } from '../../elements/catalogue.ts'
import type { HttpRoute } from '../../elements/shared/http/route.ts'
import type { Element, Log } from '../../signalling/index.ts'
import type { HttpAccess } from './access.ts'

export interface ApiOptions {
  readonly routes: readonly HttpRoute[]
  readonly access: HttpAccess
  readonly log: Log
}

/** An element of the node, with its role. */
interface RoleElement {
  readonly role: string
  readonly element: Element
}

/** Routes of all roles; where none of its elements runs here, a route says so. */
export function routesOf(elements: readonly RoleElement[]): readonly HttpRoute[] {
  return roles.flatMap(
    ({ role, routes }) => routes?.(elements.filter((each) => each.role === role).map(({ element }) => element)) ?? [],
  )
}

/** Some element here has a part of `/v1`. */
export function hasRoutes(elements: readonly RoleElement[]): boolean {
  return elements.some((each) => roles.some(({ role, routes }) => role === each.role && routes !== undefined))
}

/** Names of the elements that have a part of `/v1`, for people. */
export function elementsWithRoutes(): readonly string[] {
  return roles.filter(({ routes }) => routes !== undefined).map(({ schema }) => schema.title)
}
