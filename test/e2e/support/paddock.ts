import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mainScript, type Place } from './place.js';

export interface Finished {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** Starts the built command line tool in a process group of its own. */
export function startPaddock(place: Place, args: readonly string[], options: RunOptions = {}): ChildProcess {
  const env = Object.fromEntries(
    Object.entries({ ...place.env, ...options.env }).filter(([, value]) => value !== undefined),
  );
  return spawn(process.execPath, [mainScript, ...args], {
    cwd: options.cwd ?? place.project,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Waits for the end of a process and everything it printed. */
export async function finished(child: ChildProcess): Promise<Finished> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/** Runs the built command line tool to its end. */
export async function paddock(place: Place, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = startPaddock(place, args, options);
  const end = finished(child);
  // A command that does not read its input closes it early; that is what is being looked at, not a failure.
  child.stdin?.on('error', () => undefined).end(options.stdin ?? '');
  return end;
}

/** The one JSON document of a `--json` call; throws when there is anything else on stdout. */
export function document(result: Finished): Record<string, unknown> {
  return JSON.parse(result.stdout.toString()) as Record<string, unknown>;
}

/** Waits for the first bytes on stdout that hold `text`. */
export async function printed(child: ChildProcess, text: string): Promise<void> {
  let seen = '';
  for await (const [chunk] of on(child)) {
    seen += chunk.toString();
    if (seen.includes(text)) return;
  }
  throw new Error(`the process ended without printing ${text}; it printed ${seen}`);
}

async function* on(child: ChildProcess): AsyncGenerator<[Buffer]> {
  while (child.stdout?.readableEnded === false) {
    const chunk = await Promise.race([once(child.stdout, 'data'), once(child.stdout, 'end').then(() => undefined)]);
    if (chunk === undefined) return;
    yield chunk as [Buffer];
  }
}

const note = /^paddock: not enforced on this host: (.*) \(`paddock doctor` says why\)\n/m;

/** stderr without the line that says what this host does not enforce. */
export function withoutNote(stderr: string): string {
  return stderr.replace(note, '');
}

/** The controls which that line names; none where it is missing. */
export function notedControls(stderr: string): readonly string[] {
  return note.exec(stderr)?.[1]?.split(', ') ?? [];
}
