import type { Readable, Writable } from 'node:stream';

/** Options in the form of node's parseArgs, each with what `--help` says of it. */
export type CliOptions = Readonly<Record<string, CliOption>>;

export interface CliOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** One line, in lower case, without a full stop. */
  readonly help: string;
}

/** What the process gives a command; tests could give others. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly stderrIsTerminal: boolean;
  /** The terminal in front of which we stand; undefined when our input or output is none. */
  readonly screen: Screen | undefined;
}

/** A real terminal: its size, and its keys as they are typed. */
export interface Screen {
  size(): { readonly rows: number; readonly columns: number };
  /** Tells every change of size; returns what stops that. */
  onResize(listener: () => void): () => void;
  /** Keys come one by one and uninterpreted, Ctrl-C too. */
  setRaw(isRaw: boolean): void;
}

export interface CommandContext {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  /** What stands after `--`, untouched. */
  readonly rest: readonly string[];
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Fires on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
}

/** One word of the command line. `run` returns the exit status; errors are thrown and mapped in one place. */
export interface CliCommand {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly options: CliOptions;
  /** How many words it takes besides options and what stands behind `--`; default none. */
  readonly mostPositionals?: number;
  /** Exits with 125 for failures of ours, because its status is otherwise that of the command it runs. */
  readonly passesExitCode?: boolean;
  /** Not for people: the list of commands leaves it out. */
  readonly isHidden?: boolean;
  run(context: CommandContext): Promise<number>;
}

export function text(context: CommandContext, name: string): string | undefined {
  const value = context.values[name];
  return typeof value === 'string' ? value : undefined;
}

export function texts(context: CommandContext, name: string): readonly string[] {
  const value = context.values[name];
  return Array.isArray(value) ? value.filter((v) => typeof v === 'string') : [];
}

export function isSet(context: CommandContext, name: string): boolean {
  return context.values[name] === true;
}
