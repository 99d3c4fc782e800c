import { SandboxError } from '../core/errors.js';
import { newCommandId } from '../kit/random-id.js';
import type { BindMount } from '../workspace/binds.js';
import { denied } from '../workspace/rules.js';
import { initTarget } from './body/input.js';
import type { Sandbox } from './sandbox.js';

const probeTimeoutMs = 20_000;
const outputBytes = 64 * 1024;

/**
 * Asks from inside whether the host paths that were bound can be used, and whether output arrives at all. For hosts
 * where SELinux enforces: labels decide it there, no mount table shows it, and a pipe that a command may not write to is
 * silently swapped for /dev/null. Runs nothing but our own init. Errors: PolicyDenied (`workspace.label`),
 * SANDBOX_UNVERIFIED, EngineError, INTERRUPTED.
 */
export async function proveAccess(
  sandbox: Pick<Sandbox, 'start'>,
  binds: readonly BindMount[],
  signal?: AbortSignal,
): Promise<void> {
  const command = await sandbox.start(
    newCommandId(),
    {
      ...{ argv: [initTarget, '--access', initTarget, ...binds.map((bind) => bind.target)], cwd: '/', env: {} },
      ...{ timeoutMs: probeTimeoutMs, outputCapBytes: outputBytes, outputLimitBytes: outputBytes },
    },
    signal === undefined ? {} : { signal },
  );
  const { stdout, exitCode, reason } = await command.result;
  signal?.throwIfAborted();
  const [own, ...found] = stdout.text.split('\n');
  if (own?.startsWith('r') !== true || found.length <= binds.length) {
    throw new SandboxError(
      'SANDBOX_UNVERIFIED',
      `what a command prints in the sandbox gets lost (${reason} ${exitCode})`,
      {
        hint:
          'SELinux keeps containers from writing to the pipes of the engine: set `channel = "fifo"`, which needs none of them. ' +
          'Fedora, RHEL: `sudo dnf install container-selinux`; else see `Where SELinux enforces` in docs/enforcement.md.',
      },
    );
  }
  const refused = binds.find(({ readOnly }, index) => found[index] !== 'rw' && (!readOnly || found[index] !== 'r-'));
  if (refused !== undefined) throw denied('workspace.label', refused.source, { access: found[binds.indexOf(refused)] });
}
