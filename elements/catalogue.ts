/** List of all roles: the only place that knows all elements. */
import { addressBookRole } from './address-book/role.ts'
import { applicationServerRole } from './application-server/role.ts'
import { mscRole, sgsnRole } from './core-network/role.ts'
import { gmlcRole } from './gmlc/role.ts'
import { hssRole } from './hss/role.ts'
import { lcsClientRole } from './lcs-client/role.ts'
import { mmeRole } from './mme/role.ts'
import { pcrfRole } from './pcrf/role.ts'
import { presenceRole } from './presence/role.ts'
import { proseRole } from './prose/role.ts'
import { proxyRole } from './proxy/role.ts'
import { pushRole } from './push/role.ts'
import { pushRoutesRole } from './push-routes/role.ts'
import { ranRole } from './ran/role.ts'
import { regEventRole } from './reg-event/role.ts'
import { resourceListsRole } from './resource-lists/role.ts'
import type { Role } from './role.ts'
import { smscRole } from './smsc/role.ts'
import { whereRole } from './where/role.ts'

/** In the order in which people read of them. */
export const roles: readonly Role[] = [
  proxyRole,
  hssRole,
  proseRole,
  pcrfRole,
  presenceRole,
  regEventRole,
  resourceListsRole,
  applicationServerRole,
  mmeRole,
  pushRole,
  addressBookRole,
  pushRoutesRole,
  smscRole,
  ranRole,
  mscRole,
  sgsnRole,
  gmlcRole,
  lcsClientRole,
  whereRole,
]

/** Undefined: there is no such role. */
export function roleOf(name: string): Role | undefined {
  return roles.find(({ role }) => role === name)
}
