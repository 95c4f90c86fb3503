/** Elements and rights that the interface below `/v1` serves with. */
import type { Hss } from '../../elements/hss/index.ts'
import type { Mme } from '../../elements/mme/index.ts'
import type { Log } from '../../signalling/index.ts'
import type { HttpAccess } from './access.ts'

export interface ApiOptions {
  /** Undefined: the node has no such element. */
  readonly hss?: Hss
  /** MMEs of the node. */
  readonly mmes?: readonly Mme[]
  readonly access: HttpAccess
  readonly log: Log
}

/** Of a node that has an HSS. */
export type HssApiOptions = ApiOptions & { readonly hss: Hss }
