import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Transport } from '../../../src/engine/transport/transport.js';
import type { EngineKind } from '../../../src/engine/types.js';
import { engineSockets } from './engines.js';
import type { RegistryAnswer } from './image-archive.js';

const runtime = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;

/** Something that a test started and that ends with it. */
export interface Started extends AsyncDisposable {
  readonly where: string;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const slow = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(slow);
}

/** A Podman service with additions to its environment, which may pull from that registry; `where` is its socket. */
export async function startPodman(env: Readonly<Record<string, string>>, registry: string): Promise<Started> {
  const folder = await mkdtemp(join(runtime, 'pt-'));
  const where = join(folder, 's');
  const CONTAINERS_REGISTRIES_CONF = join(folder, 'registries.conf');
  await writeFile(CONTAINERS_REGISTRIES_CONF, `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`);
  const child = spawn('podman', ['system', 'service', '--time=0', `unix://${where}`], {
    env: { ...process.env, ...env, CONTAINERS_REGISTRIES_CONF },
    stdio: 'ignore',
  });
  await using transport = new Transport({ socketPath: where });
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const reply = await transport.call({ method: 'GET', path: '/_ping', timeoutMs: 5_000 }).catch(() => undefined);
    if (reply?.status === 200) break;
    await sleep(50);
  }
  return {
    where,
    [Symbol.asyncDispose]: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A registry on the loopback that this engine pulls from; `where` is its `127.0.0.1:PORT`. */
export async function startRegistry(
  kind: EngineKind,
  answers: Readonly<Record<string, RegistryAnswer>>,
): Promise<Started> {
  const folder = await mkdtemp(join(runtime, 'pt-'));
  const file = join(folder, 'answers.json');
  await writeFile(file, JSON.stringify(answers));
  const script = join(import.meta.dirname, 'registry-process.ts');
  const argv = [process.execPath, '--import', 'tsx', script, file];
  const child = spawn('env', [...(await wayInto(kind)), ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { port } = JSON.parse(line) as { port: number };
  return {
    where: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The loopback of rootless Docker is that of the namespaces its daemon runs in. */
async function wayInto(kind: EngineKind): Promise<readonly string[]> {
  if (kind === 'podman') return [];
  const pid = (await readFile(join(dirname(engineSockets.docker), 'docker.pid'), 'utf8')).trim();
  return ['nsenter', '--target', pid, '--user', '--net', '--preserve-credentials'];
}
