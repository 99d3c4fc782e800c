import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { initTarget } from '../../../../src/sandbox/body/input.js';
import type { RunInside } from '../../../../src/sandbox/files/inside.js';

/** A sandbox that is a folder: the program that is process 1 is run there, on this host. */
export function runInitIn(
  folder: string,
  program: string,
  onStart: (child: ChildProcess) => void = () => undefined,
): RunInside {
  return async (request, options) => {
    const [first, ...words] = request.argv;
    if (first !== initTarget) throw new Error('that is no program of ours');
    const child = spawn(program, words, { cwd: folder, stdio: 'pipe' });
    onStart(child);
    const closed = once(child, 'close') as Promise<[number | null]>;
    const stop = () => void child.kill('SIGTERM');
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted === true) stop();
    const took = (['stdout', 'stderr'] as const).map(async (name) => {
      for await (const chunk of child[name]) await options.onOutput?.(name, chunk as Buffer);
    });
    const fed = options.stdin === undefined ? Promise.resolve(child.stdin.end()) : pipeline(options.stdin, child.stdin);
    // What breaks off is told by what the program says of it.
    await fed.catch(() => child.stdin.destroy());
    await Promise.all(took);
    const [status] = await closed;
    const captured = { text: '', totalBytes: 0, droppedBytes: 0 };
    return {
      ...{ exitCode: status ?? 143, reason: options.signal?.aborted === true ? 'aborted' : 'exited' },
      ...{ stdout: captured, stderr: captured, usage: { durationMs: 1 }, strays: 0 },
    };
  };
}
