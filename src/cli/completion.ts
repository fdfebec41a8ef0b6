/** `backplane completion`: what a shell needs to complete commands and options. */
import { Argument, type Command } from 'commander';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** What may follow some words: commands and long options. */
export interface Place {
  /** The commands before it: `config get`; an empty text at the beginning. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly name: string; readonly description: string }[];
}

/** All places of a program, the outermost first. */
export function placesOf(program: Command, path = ''): Place[] {
  const options = program.options.flatMap(({ long, description }) => {
    return long === undefined || long === null ? [] : [{ name: long, description }];
  });
  const commands = program.commands.map((each) => {
    return { name: each.name(), description: each.description() };
  });
  const below = program.commands.flatMap((each) => {
    return placesOf(each, path === '' ? each.name() : `${path} ${each.name()}`);
  });
  const help = { name: '--help', description: 'display help for command' };
  return [{ path, commands, options: [...options, help] }, ...below];
}

/** Only plain words of the command line count: options are passed by, and what follows them. */
function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, commands, options }) => {
    const words = [...commands, ...options].map(({ name }) => name).join(' ');
    return `    '${path}') words='${words}' ;;`;
  });
  return `# bash completion of backplane: source this file, or put it where bash-completion looks
_backplane() {
  local word path='' words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      -*) ;;
      *) case " $(_backplane_words "$path") " in
           *" $word "*) path="\${path:+$path }$word" ;;
         esac ;;
    esac
  done
  words=$(_backplane_words "$path")
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
_backplane_words() {
  local words=''
  case "$1" in
${cases.join('\n')}
  esac
  printf '%s' "$words"
}
complete -o default -F _backplane backplane
`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef backplane
# zsh completion of backplane: put it as _backplane into a folder of $fpath
autoload -U +X bashcompinit && bashcompinit
${bash(places).split('\n').slice(1).join('\n')}`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const words = path === '' ? [] : path.split(' ');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const others = commands.map(({ name }) => name).join(' ');
    const none = others === '' ? [] : [`not __fish_seen_subcommand_from ${others}`];
    const condition = [...seen, ...none].join('; and ');
    const when = condition === '' ? '' : ` -n ${quoted(condition)}`;
    return [
      ...commands.map(({ name, description }) => {
        return `complete -c backplane -f${when} -a ${name} -d ${quoted(description)}`;
      }),
      ...options.map(({ name, description }) => {
        return `complete -c backplane${when} -l ${name.slice(2)} -d ${quoted(description)}`;
      }),
    ];
  });
  const head = '# fish completion of backplane: ~/.config/fish/completions/backplane.fish';
  return `${[head, ...lines].join('\n')}\n`;
}

/** The script for a shell. */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program);
  if (shell === 'fish') return fish(places);
  return shell === 'zsh' ? zsh(places) : bash(places);
}

/** Adds the command to the program. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the completion for a shell: backplane completion bash > FILE')
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => void process.stdout.write(completionScript(shell, program)));
}
