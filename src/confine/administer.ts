import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import type { PaddockError } from '../core/errors.js';
import { readProcFile } from '../kit/proc/read.js';
import { safeLine } from '../kit/safe-text.js';

const run = promisify(execFile);

/**
 * What the kernel's own tool prints. Rejects with what `refusal` makes of the reason: that there is no such program, or what it
 * said, on one line.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  refusal: (why: string, cause: unknown) => PaddockError,
): Promise<string> {
  try {
    return (await run(program, args, { timeout: timeoutMs, maxBuffer: 1024 ** 2 })).stdout;
  } catch (cause) {
    const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
    const said = safeLine(stderr?.trim() ?? '', 500);
    throw refusal(code === 'ENOENT' ? `there is no ${program}` : `${program} refused: ${said}`, cause);
  }
}

/**
 * How many processes have a label that fits, by that file beneath `attr`. For root, who sees all of them. Throws where /proc can't be
 * read: nobody is known to be without one then.
 */
export function countLabelled(procRoot: string, attribute: string, fits: (label: string) => boolean): number {
  const pids = readdirSync(procRoot).filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => readProcFile(`${procRoot}/${pid}/attr/${attribute}`) ?? '').filter(fits).length;
}
