/** Unit tests that open sockets, in one worker. */
import { loadSocketGroup } from '../support/groups.ts'

await loadSocketGroup()
