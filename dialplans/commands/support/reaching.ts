/** Command that reaches a running node over HTTP, with the options that say where the node and its token are. */
import { Command } from 'commander'
import { readOnce, usualDialplan } from './arguments.ts'

/** @param server the element that it is about, for people */
export function reaching(server: string, name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('-d, --dialplan <file>', 'the dialplan of the node: says where it is and where its token', usualDialplan)
    .option('--node <name>', `the node that runs the ${server}, where the dialplan has several and each runs by itself`)
    .option('--operator <name>', `the operator of the ${server}, where the dialplan has several`, readOnce)
    .option('--url <url>', 'where the node serves HTTP, e.g. http://127.0.0.1:8080')
    .option('--token-file <file>', 'file with its token')
}
