/** Command lines of scripts that are no programs of the package. */

/** Of wrong use, as programs of the package end with. */
const USAGE_STATUS = 2;

/**
 * Ends this process where it was given anything but these options: what is mistyped must not leave
 * out what was asked for.
 */
export function onlyOptions(command, options) {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => !options.includes(arg));
  if (unknown === undefined) return;
  const violations = [`unknown option '${unknown}'; there are: ${options.join(', ')}`];
  process.stderr.write(`error: ${violations[0]}\n`);
  if (args.includes('--json')) {
    console.log(JSON.stringify({ command, ok: false, violations, code: 'ERR_ARGUMENT' }));
  }
  process.exit(USAGE_STATUS);
}
