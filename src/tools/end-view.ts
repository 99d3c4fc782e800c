import type { ExecResult } from '../core/exec.js';

/** How a command ended, in its view. */
export function viewEnd({ exitCode, reason, signal, strays, outputError, note }: ExecResult) {
  return {
    exitCode,
    reason,
    ...(signal === undefined ? {} : { signal }),
    strays,
    ...(outputError === undefined ? {} : { outputError }),
    ...(note === undefined ? {} : { next: note }),
  };
}
