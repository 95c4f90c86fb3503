#!/usr/bin/env node
/** Starts the command line. What Node has compiled is kept beside the packages: it starts in little more than half the time. */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile')) // where that cannot be written, it does without
await import('./commands/index.ts')
