import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** A folder of this run, which goes with it (test/native/init/support/build-folder.ts). */
const folder = () => process.env['PADDOCK_TEST_BUILD'] ?? mkdtempSync(join(tmpdir(), 'paddock-init-'));

/** The path of paddock-init, compiled once for all the tests of a run. */
export function builtInit(): string {
  const path = join(folder(), 'paddock-init');
  execFileSync(process.execPath, ['scripts/build-init.js', path], { stdio: 'pipe' });
  return path;
}

/** The path of a program of one C file, compiled with `flags`. */
export function builtSupport(source: string, flags: readonly string[] = []): string {
  const path = join(folder(), `${basename(source, '.c')}-${process.pid}`);
  execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', ...flags, '-o', path, source]);
  return path;
}

/** Milliseconds of CLOCK_BOOTTIME, to the 10 ms that /proc/uptime gives, rounded down. */
export function boottimeMs(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started program; disposing it kills what is still there, so that a failed assertion leaves no process. */
export class Running implements Disposable {
  private readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly stdout: Readable;

  constructor(program: string, args: readonly string[]) {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    this.stdout = child.stdout;
    this.ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[code, signal], stdout, stderr]) => ({ code, signal, stdout, stderr }),
    );
  }

  get pid(): number {
    return Number(this.child.pid);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  endStdin(): void {
    this.child.stdin?.end();
  }

  /** The pids of its children, zombies included. */
  children(): readonly string[] {
    return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').split(' ').filter(Boolean);
  }

  /** Signals it holds back, as the kernel's bit mask: it is non-zero once the program has taken its signals over. */
  blockedSignals(): bigint {
    return BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? '0'}`);
  }

  [Symbol.dispose](): void {
    this.child.stdin?.destroy();
    this.child.kill('SIGKILL');
  }
}
