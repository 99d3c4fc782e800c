import { errorTable } from '../core/errors.js';
import { version } from '../core/version.js';
import type { CliCommand, CliOption, CliOptions } from './command.js';
import { commonOptions } from './common-options.js';
import { settingOptions } from './settings.js';

export interface ManPage {
  /** Of its file: `paddock-run.1`. */
  readonly name: string;
  /** In the macros of man(7), ASCII only. */
  readonly text: string;
}

/** What mandoc takes for a long line of input is above 80. */
const lineWidth = 72;

const files: readonly (readonly [string, string])[] = [
  ['/etc/paddock/policy.toml', 'the policy of the site; root writes it'],
  ['~/.config/paddock/config.toml', "the user's settings"],
  ['~/.local/state/paddock/', 'records of sessions, changes that are kept, the audit log'],
];

/** A page for the program and one for each command that is for people: from what `--help` is made of. `date` is that of the build, `2026-11-23`. */
export function manPages(commands: readonly CliCommand[], date: string): readonly ManPage[] {
  const shown = commands.filter(({ isHidden }) => isHidden !== true);
  return [programPage(shown, date), ...shown.map((command) => commandPage(command, date))];
}

function programPage(commands: readonly CliCommand[], date: string): ManPage {
  const list = commands.map(({ name, summary }) => tagged(bold(`paddock-${name}`, '(1)'), summary));
  return page('paddock', 'rootless sandboxes for AI agents', date, [
    section('SYNOPSIS', `${bold('paddock')} ${italic('COMMAND')} [${italic('OPTIONS')}]`),
    section(
      'DESCRIPTION',
      roff('Runs commands, and what AI agents do, in containers of a rootless engine, Podman or Docker.'),
      '.PP',
      roff('As an MCP server it is started by its client: see paddock-serve(1).'),
    ),
    section('COMMANDS', ...list),
    section('OPTIONS', roff('Every command takes these.'), ...optionList({ ...commonOptions, ...settingOptions })),
    exitStatus(),
    section('FILES', ...files.map(([path, what]) => tagged(italic(path), what))),
    section('SEE ALSO', roff('podman(1), docker(1); docs/ of the package has the rest.')),
  ]);
}

function commandPage(command: CliCommand, date: string): ManPage {
  const { name, usage, summary, options, passesExitCode } = command;
  const status =
    passesExitCode === true
      ? 'That of the command which was run; 125 where Paddock itself failed, and why is on stderr. See paddock(1).'
      : '0, or one of those that paddock(1) lists.';
  return page(`paddock-${name}`, summary, date, [
    section('SYNOPSIS', `${bold('paddock')} ${roff(usage)}`),
    section('DESCRIPTION', roff(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)),
    section('OPTIONS', ...optionList({ ...options, ...commonOptions }), '.PP', roff('Settings are in paddock(1).')),
    section('EXIT STATUS', roff(status)),
    section('SEE ALSO', roff('paddock(1)')),
  ]);
}

function page(name: string, what: string, date: string, sections: readonly string[]): ManPage {
  const head = `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "${date}" "paddock ${version}" "Paddock"`;
  const title = section('NAME', `${roff(name)} \\-`, roff(what));
  // No hyphenation: options and paths are to be copied from here.
  return { name: `${name}.1`, text: `${[head, '.nh', title, ...sections].join('\n')}\n` };
}

function section(title: string, ...lines: readonly string[]): string {
  return [`.SH "${title}"`, ...lines].join('\n');
}

function optionList(options: CliOptions): string[] {
  return Object.entries(options).map(([name, option]) => tagged(flag(name, option), option.help));
}

function flag(name: string, { type, short }: CliOption): string {
  const long = `${bold(`--${name}`)}${type === 'string' ? ` ${italic('VALUE')}` : ''}`;
  return short === undefined ? long : `${bold(`-${short}`)}, ${long}`;
}

/** By code, with the errors that end in it: docs/errors.md says what each means. */
function exitStatus(): string {
  const byCode = new Map<number, string[]>();
  for (const [error, { exitCode }] of Object.entries(errorTable)) {
    byCode.set(exitCode, [...(byCode.get(exitCode) ?? []), error]);
  }
  const failures = [...byCode]
    .sort(([a], [b]) => a - b)
    .map(([code, errors]) => tagged(String(code), errors.join(', ')));
  return section('EXIT STATUS', tagged('0', 'it is done'), ...failures);
}

function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${roff(text)}`;
}

function bold(text: string, behind = ''): string {
  return `\\fB${roff(text)}\\fR${behind}`;
}

function italic(text: string): string {
  return `\\fI${roff(text)}\\fR`;
}

/** Text in which nothing is an instruction: escapes and, at the start of a line, control characters. Lines end at blanks, where they get long. */
function roff(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of escaped(text).split(/[ \n]/)) {
    if (line !== '' && line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => (/^[.']/.test(one) ? `\\&${one}` : one)).join('\n');
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\x20-\x7e]/gu, (c) => `\\[u${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);
}
