/**
 * A page that is executed: its `console` blocks have a line for each command, with the host where
 * it is typed, and what it has to print; and lines of a host's log that are waited for.
 *
 *     host1$ backplane config get cluster/a    # ends with 1
 *     backplane: ERR_REPLICAS: ...
 *     host2: the configuration takes writes
 *
 * What happens to hosts and networks meanwhile stands in comments of the page, a line each.
 */

/** One thing to do, in the order of the page. */
export type Step =
  | {
      readonly type: 'command';
      readonly host: number;
      readonly command: string;
      /** What it ends with. */
      readonly status: number;
      /** What it prints; `...` stands for anything. */
      readonly output: string;
    }
  /** A line of the log that begins so, of the time since the last `mark`. */
  | { readonly type: 'log'; readonly host: number; readonly text: string }
  | { readonly type: 'happens'; readonly what: string }
  | { readonly type: 'mark' };

/** What stands below one heading. */
export interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** The files that a page tells to save, by name. */
export function filesOf(page: string): Map<string, string> {
  const found = page.matchAll(/as `([\w.]+)`:\n\n```(?:json|yaml|js)\n([\s\S]*?)```/g);
  return new Map([...found].map(([, name = '', text = '']) => [name, text]));
}

/** The sections of a page in which there is something to do. */
export function sectionsOf(page: string): Section[] {
  const parts = page.split(/^## /m).slice(1);
  const sections = parts.map((part): Section => {
    const title = part.slice(0, part.indexOf('\n'));
    return { title, steps: stepsOf(part) };
  });
  return sections.filter(({ steps }) => steps.length > 0);
}

function stepsOf(section: string): Step[] {
  // Comments that follow one another, and the block after them.
  const groups = section.matchAll(/((?:^<!-- .* -->\n)*)^```console\n([\s\S]*?)^```/gm);
  return [...groups].flatMap(([, comments = '', block = '']): Step[] => [
    { type: 'mark' },
    ...[...comments.matchAll(/<!-- (.*) -->/g)].map(([, what = '']): Step => {
      return { type: 'happens', what };
    }),
    ...blockSteps(block),
  ]);
}

function blockSteps(block: string): Step[] {
  const starts = block.split(/^(?=host\d[$:] )/m);
  return starts.map((text): Step => {
    const [, digit, kind, line = '', output = ''] =
      /^host(\d)([$:]) (.*)\n([\s\S]*)$/.exec(text) ?? [];
    if (digit === undefined) throw new Error(`a block begins with no host: ${text}`);
    const host = Number(digit);
    if (kind === ':') {
      if (output !== '') throw new Error(`a line of a log prints nothing: ${text}`);
      return { type: 'log', host, text: line };
    }
    const [command = '', status = '0'] = line.split(/ +# ends with /);
    return { type: 'command', host, command, status: Number(status), output };
  });
}

/** What a command prints, as an expression: `...` alone in a line stands for any lines. */
export function outputPattern(output: string): RegExp {
  const lines = output.split('\n').map((line) => {
    if (line === '...') return '[^]*';
    return line.split('...').map(escaped).join('.*');
  });
  return new RegExp(`^${lines.join('\n')}$`);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
