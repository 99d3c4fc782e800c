#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { errorTable, PaddockError, toPaddockError } from '../core/errors.js';
import { version } from '../core/version.js';
import { safeText } from '../kit/safe-text.js';
import { nearest } from '../policy/text.js';
import type { CliCommand, CliOptions, CommandContext } from './command.js';
import { commandLoaders } from './commands/index.js';
import { commonOptions } from './common-options.js';
import { write } from './output.js';
import { screenOf } from './screen.js';
import { settingOptions } from './settings.js';

const lastResortMs = 10_000;

async function help(): Promise<string> {
  const all = await Promise.all(Object.values(commandLoaders).map((load) => load()));
  const commands = all.filter((command) => command.isHidden !== true);
  const width = Math.max(...commands.map((c) => c.usage.length));
  const lines = commands.map((c) => `  paddock ${c.usage.padEnd(width)}  ${c.summary}`);
  return [
    `paddock ${version}: rootless sandboxes for AI agents`,
    '',
    ...lines,
    '',
    'Every command takes --json (one JSON document on stdout), --help, and the settings',
    `  ${Object.keys(settingOptions)
      .map((name) => `--${name}`)
      .join(' ')}`,
  ].join('\n');
}

/** `paddock help X` is `paddock X --help`. */
function helpFirst(argv: readonly string[]): readonly string[] {
  const [name, command] = argv;
  return name === 'help' && command !== undefined ? [command, '--help'] : argv;
}

/** Runs one command line; the result is the exit status of the process. */
async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const [name = '', ...args] = helpFirst(argv);
  const terminal = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    stderrIsTerminal: process.stderr.isTTY,
    screen: screenOf(process.stdin, process.stdout),
  };
  const load = Object.hasOwn(commandLoaders, name) ? commandLoaders[name] : undefined;
  if (load === undefined) return noCommand(name);
  const command = await load();
  const dashes = args.indexOf('--');
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const json = own.includes('--json');
  try {
    const parsed = parse(command, own);
    if (parsed.values['help'] === true) {
      await write(process.stdout, `paddock ${command.usage}\n${command.summary}\n${optionList(command)}`);
      return 0;
    }
    const rest = dashes < 0 ? [] : args.slice(dashes + 1);
    refuseExtraWords(command, parsed.positionals, rest);
    const context: CommandContext = { ...parsed, rest, json, env: process.env, terminal, signal };
    return await command.run(context);
  } catch (thrown) {
    return await fail(command, toPaddockError(thrown), json);
  }
}

function parse(command: CliCommand, args: string[]) {
  const options: CliOptions = { ...command.options, ...settingOptions, ...commonOptions };
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (cause) {
    const unknown = args
      .map((arg) => /^--([^=]+)/.exec(arg)?.[1])
      .find((name) => name !== undefined && !(name in options));
    const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(options));
    const why = cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : String(cause);
    throw new PaddockError('BAD_ARGUMENT', unknown === undefined ? why : `there is no option --${unknown}`, {
      cause,
      hint: meant === undefined ? `See \`paddock ${command.name} --help\`.` : `Did you mean --${meant}?`,
    });
  }
}

/** Words that nothing takes are refused; for a command line without `--` they are most likely the command. */
function refuseExtraWords(command: CliCommand, words: readonly string[], rest: readonly string[]): void {
  const most = command.mostPositionals ?? 0;
  const extra = words.slice(most);
  if (extra.length === 0) return;
  const isCommand = command.passesExitCode === true && rest.length === 0;
  throw new PaddockError('BAD_ARGUMENT', `not understood: ${extra.join(' ')}`, {
    hint: isCommand
      ? `Put the command behind two dashes: \`paddock ${[command.name, ...words.slice(0, most)].join(' ')} -- ${extra.join(' ')}\`.`
      : `See \`paddock ${command.name} --help\`.`,
  });
}

function optionList(command: CliCommand): string {
  const sections: readonly (readonly [string, CliOptions])[] = [
    ['options', { ...command.options, ...commonOptions }],
    ['settings (docs/configuration.md)', settingOptions],
  ];
  return sections.map(([title, options]) => `\n${title}:\n${optionLines(options).join('\n')}\n`).join('');
}

function optionLines(options: CliOptions): string[] {
  const named = Object.entries(options).map(
    ([name, { type, help: meaning }]) => [`--${name}${type === 'string' ? ' VALUE' : ''}`, meaning] as const,
  );
  return named.map(([name, meaning]) => `  ${name.padEnd(21)}  ${meaning}`);
}

async function noCommand(name: string): Promise<number> {
  if (name === '--version' || name === 'version') {
    await write(process.stdout, `${version}\n`);
    return 0;
  }
  const wanted = ['--help', '-h', 'help'].includes(name);
  await write(
    wanted ? process.stdout : process.stderr,
    `${wanted || name === '' ? '' : `paddock: there is no command ${safeText(name, 40)}\n`}${await help()}\n`,
  );
  return wanted ? 0 : 2;
}

async function fail(command: CliCommand, error: PaddockError, json: boolean): Promise<number> {
  const ruleId = error.info['ruleId'];
  const rule = typeof ruleId === 'string' ? ` [rule ${ruleId}]` : '';
  const exitCode = command.passesExitCode === true ? 125 : error.exitCode;
  if (json) {
    const { code, message, hint, info } = error;
    const document = {
      error: { code, message, next: hint, exitCode: error.exitCode, retryable: errorTable[code].retryable, info },
    };
    await write(process.stdout, `${JSON.stringify(document, undefined, 2)}\n`);
  }
  await write(
    process.stderr,
    `paddock: ${error.code}${rule}: ${safeText(error.message, 2000)}\n  next: ${error.hint}\n`,
  );
  if (error.code === 'INTERNAL') await write(process.stderr, `${error.stack ?? ''}\n`);
  return exitCode;
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    stop.abort();
    // Whatever hangs, nobody who asked to end waits for ever; what stays is found by its record.
    setTimeout(() => process.exit(130), lastResortMs).unref();
  });
}
// A reader that went away is not a failure of ours; the command notices by itself.
process.stdout.on('error', () => stop.abort());
process.stderr.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2), stop.signal);
// stdin may still be open and would keep the process alive; stdout and stderr are drained by exit.
process.stdin.destroy();
