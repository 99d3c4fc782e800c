import { SandboxError } from '../../core/errors.js';
import type { ExecRequest } from '../../core/exec.js';
import { baseEnv } from '../../policy/surroundings.js';
import type { RunInside } from '../../sandbox/files/inside.js';
import { findProgram } from '../../workspace/find-program.js';
import type { AgentMeans, AgentSession } from './means.js';

/** What has to be done inside before an agent can run. */
export interface Ground {
  /** The agent's program, by name. */
  readonly name: string;
  /** Its folder, which is made where it is not there. */
  readonly configFolder: string;
}

const probeTimeoutMs = 30_000;
/** Nobody but the sandbox's user may look into the folder; the name of a program holds nothing that a shell reads. */
const probe = 'umask 077; mkdir -p -- "$1" || exit 3; command -v "$2"';

/**
 * The path of an agent's program inside: on the sandbox's own PATH, or, in the host image, where the host has it and shows it. What the sandbox
 * says of it is used inside only. Errors: AGENT_NOT_FOUND, with what to do; those of `run`.
 */
export async function findAgent(
  run: RunInside,
  { name, configFolder }: Ground,
  session: Pick<AgentSession, 'sandbox'>,
  { hostPath, sitePolicy }: Pick<AgentMeans, 'hostPath' | 'sitePolicy'>,
  signal: AbortSignal,
): Promise<string> {
  const request: ExecRequest = {
    argv: ['/bin/sh', '-c', probe, 'sh', configFolder, name],
    cwd: '/',
    ...{ timeoutMs: probeTimeoutMs, outputCapBytes: 16_384, outputLimitBytes: 65_536 },
  };
  const { exitCode, stdout, stderr, reason } = await run(request, { isUnlogged: true, signal });
  signal.throwIfAborted();
  const path = stdout.text.split('\n', 1)[0] ?? '';
  if (exitCode === 0 && /^\/[^\p{Cc}]{1,4000}$/u.test(path)) return path;
  if (reason !== 'exited' || exitCode === 3) {
    const why = reason === 'exited' ? stderr.text.slice(0, 300) : reason;
    throw new SandboxError(
      'AGENT_NOT_FOUND',
      `no place for the configuration of ${name} could be made inside: ${why}`,
      {
        hint: 'See that the home folder of the sandbox has room, or create a new session.',
      },
    );
  }
  const { image } = session.sandbox.handle.spec;
  if (image.kind !== 'host') throw notInImage(name, image.reference);
  const found = await findProgram({
    ...{ name, path: hostPath, hostFolders: image.extraFolders, allowedFolders: sitePolicy.hostFolders },
    sandboxPath: baseEnv('host')['PATH'] ?? '',
  });
  if (found.isFound) return found.command;
  throw new SandboxError('AGENT_NOT_FOUND', found.reason, { hint: found.hint });
}

function notInImage(name: string, reference: string): SandboxError {
  return new SandboxError('AGENT_NOT_FOUND', `the image ${reference} has no ${name} on its PATH`, {
    hint: 'Build one that has it with `paddock image build` (docs/images.md), or use the host image.',
  });
}
