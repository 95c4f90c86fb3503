/** Generated from settings.json beside it by `npm run types`. Do not edit. */

/**
 * a proxy on the way to UEs that attach through it, and that names its cell; it tells the core network where they are, as far as their places are known
 */
export interface RanSettings {
  /**
   * its cell as P-Access-Network-Info names it: country, network, area and cell, e.g. 0010100010000101
   */
  readonly cell: string
  /**
   * true places of devices, from which it measures, with errors
   *
   * @maxItems 100000
   */
  readonly places?: readonly DevicePlace[]
  /**
   * names of elements that may ask where a device is; left out: the core network of this dialplan
   */
  readonly askers?: readonly string[]
  /**
   * name of the proxy to which it passes on; left out: that of this dialplan
   */
  readonly proxy?: string
}
export interface DevicePlace {
  /**
   * a URI such as sip:alice@example.org or tel:+491701, an IP address, or the name of a user of the first domain
   */
  readonly device: string
  /**
   * longitude, then latitude, in degrees
   *
   * @minItems 2
   * @maxItems 2
   */
  readonly at: [number, number]
}
