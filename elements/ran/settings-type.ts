/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * a proxy on the way to UEs that attach through it, and that names its cell; it does not position them yet
 */
export interface RanSettings {
  /**
   * its cell as P-Access-Network-Info names it: country, network, area and cell, e.g. 0010100010000101
   */
  readonly cell: string
  /**
   * name of the proxy to which it passes on; left out: that of this dialplan
   */
  readonly proxy?: string
}
