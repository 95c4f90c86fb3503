/** Role `proxy`: the proxy as a dialplan has it. */
import type { Role } from '../role.ts'
import { createProxy } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ProxySettings } from './settings-type.ts'

export const proxyRole: Role<ProxySettings> = { role: 'proxy', schema, create: createProxy }
