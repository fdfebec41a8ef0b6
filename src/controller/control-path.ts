/** Where a controller is asked. Apart from what answers, because that loads all of a node. */

/** The path on a control socket. */
export const CONTROLLER_CONTROL = '/controller';
