import { labels } from '../../../../src/core/labels.js';
import { newSessionId, randomBase32 } from '../../../../src/kit/random-id.js';
import type { SessionRecord } from '../../../../src/session/record.js';

export const bootId = 'b0075a1e-0000-4000-8000-000000000001';

/** A record of a running attached session whose owner is process 999. */
export function record(changes: Partial<SessionRecord> = {}): SessionRecord {
  const id = newSessionId();
  return {
    version: 1,
    id,
    nonce: randomBase32(26),
    state: 'running',
    kind: 'attached',
    owner: { pid: 999, startTimeTicks: 5, bootId },
    createdAtMs: 1_000_000,
    deadlineAtMs: 90_000_000,
    engine: { kind: 'podman', socketPath: '/run/user/1/podman/podman.sock', startedByUs: false },
    containerName: `paddock-${id.slice(4, 16)}`,
    writableRoots: [],
    spec: {
      image: { kind: 'host', extraFolders: [] },
      workspace: 'none',
      mounts: [],
      tmpfs: [],
      network: 'none',
      limits: { memoryBytes: 1, cpuMillis: 1, cpuShares: 2, pids: 1, nofile: 1, coreBytes: 0 },
      env: {},
      labels: {},
      workdir: '/',
      hostname: 'sandbox',
      lifetimeMs: 1000,
      timeoutMs: 1000,
      shmBytes: 1,
      maskedPaths: [],
      require: [],
    },
    ...changes,
  };
}

/** What the engine shows of the container of that record. */
export function containerOf(of: SessionRecord) {
  return { name: of.containerName, labels: { [labels.session]: of.id, [labels.nonce]: of.nonce } };
}
