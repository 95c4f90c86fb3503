/** Unit tests in virtual time, a third of the files, in one worker. */
import { loadGroup } from '../support/groups.ts'

await loadGroup(2)
