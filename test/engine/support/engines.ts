import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { commandPaths } from '../../../src/core/exec.js';
import { openEngine } from '../../../src/engine/open.js';
import type { Engine, EngineKind, ExecOptions } from '../../../src/engine/types.js';

const runtime = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;

/** Sockets of the engines under test. A missing one is a failure, never a skip. */
export const engineSockets: Readonly<Record<EngineKind, string>> = {
  podman: process.env['PADDOCK_TEST_PODMAN_SOCKET'] ?? `${runtime}/podman/podman.sock`,
  docker: process.env['PADDOCK_TEST_DOCKER_SOCKET'] ?? `${runtime}/docker.sock`,
};

/** Every engine, or those that PADDOCK_TEST_ENGINES names: scripts/test-vm has one only. An unknown name is none of them. */
const chosen = process.env['PADDOCK_TEST_ENGINES']?.split(',');
export const engineKinds: readonly EngineKind[] = (['podman', 'docker'] as const).filter(
  (kind) => chosen?.includes(kind) ?? true,
);

/** Every way to get a command into a sandbox, or those that PADDOCK_TEST_PATHS names. */
const chosenPaths = process.env['PADDOCK_TEST_PATHS']?.split(',');
const paths = commandPaths.filter((path) => chosenPaths?.includes(path) ?? true);

/** Every engine with every way: what a command does must not depend on either. */
export const commandWays = engineKinds.flatMap((kind) => paths.map((path) => [kind, path] as const));

/** For what may depend on whether process 1 is asked, and not on how its frames travel. */
export const channelOrNot = commandWays.filter(([, path]) => path !== 'attach');

export function openTestEngine(kind: EngineKind, socketPath = engineSockets[kind]): Promise<Engine> {
  return openEngine({
    env: process.env,
    uid: process.getuid?.() ?? 0,
    endpoint: `unix://${socketPath}`,
    policy: { rootfulAllowed: false, tcpAllowed: false },
  });
}

/** A name of this run alone; what carries it is ours to remove. */
export function uniqueName(stem: string): string {
  return `${stem}-${randomBytes(6).toString('hex')}`;
}

/** The tar of an empty root that shows a merged /usr through links; containers bind the host's /usr into it. */
export function emptyRootTar(): Readable {
  const tar = pack();
  for (const name of ['usr', 'proc', 'sys', 'dev', 'etc']) tar.entry({ name, type: 'directory', mode: 0o755 });
  tar.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) tar.entry({ name, type: 'symlink', linkname: `usr/${name}` });
  tar.finalize();
  return Readable.from(tar);
}

/** A plain container that sleeps for longer than any run of tests takes, in the words of each engine. */
export function sleeperBody(
  kind: EngineKind,
  image: string,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const command = ['/usr/bin/sleep', '7200'];
  if (kind === 'docker') {
    const HostConfig = { NetworkMode: 'none', Binds: ['/usr:/usr:ro'], ReadonlyRootfs: true };
    return { Image: image, Cmd: command, Labels: labels, HostConfig };
  }
  const mounts = [{ type: 'bind', source: '/usr', destination: '/usr', options: ['ro', 'rbind'] }];
  return { image, command, labels, mounts, netns: { nsmode: 'none' }, read_only_filesystem: true };
}

/** A command of an exec, with what a test does not care about filled in. */
export function execOptions(argv: readonly string[], changes: Partial<ExecOptions> = {}): ExecOptions {
  return { argv, env: { PATH: '/usr/bin' }, cwd: '/', tty: false, stdin: false, ...changes };
}
