/**
 * `backplane/moleculer`: Moleculer's packets over links between nodes. Importing it registers the
 * transporter "SCTP".
 */
import * as moleculer from 'moleculer';
import { registerTransporter, type SctpTransporterClass } from './transporter.js';

export {
  registerTransporter,
  type SctpTransporterClass,
  type SctpTransporterOptions,
  useNode,
} from './transporter.js';

/** The transporter for the Moleculer that is found beside this package, registered as "SCTP". */
export const SctpTransporter: SctpTransporterClass = registerTransporter(moleculer);
