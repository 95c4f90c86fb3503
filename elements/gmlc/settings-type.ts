/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * passes places on to the LCS clients that their targets have named
 */
export interface GmlcSettings {
  /**
   * names of the LCS clients that it serves; left out: those of this dialplan
   */
  readonly clients?: readonly string[]
  /**
   * LCS clients that the GMLC of another operator serves
   *
   * @maxItems 10000
   */
  readonly elsewhere?: readonly ClientElsewhere[]
  /**
   * names of the elements of the core network; left out: those of this dialplan
   */
  readonly cores?: readonly string[]
}
export interface ClientElsewhere {
  /**
   * name of the LCS client
   */
  readonly client: string
  /**
   * URI of the GMLC that serves it, such as sip:gmlc@client.example
   */
  readonly gmlc: string
}
