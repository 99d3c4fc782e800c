import type { SessionId } from '../core/ids.js';
import { containerNamePrefix } from '../core/labels.js';
import type { SandboxSpec } from '../core/spec.js';
import { randomBase32 } from '../kit/random-id.js';
import { type ApprovedPath, longestLifetimeMs } from '../sandbox/maker.js';
import type { SessionRecord } from './record.js';
import { recordedSpec } from './record-parts.js';
import type { SessionsOptions } from './sessions-options.js';

/** What is known of a session before the engine hears of it. */
export function newRecord(
  { owner, kind, maker, store }: Pick<SessionsOptions, 'owner' | 'kind' | 'maker' | 'store'>,
  id: SessionId,
  spec: SandboxSpec,
  approved: readonly Pick<ApprovedPath, 'mount'>[],
  name?: string,
): SessionRecord {
  const now = maker.clock.now();
  const { kind: engine, socketPath, startedByUs } = maker.engine.identity;
  return {
    version: 1,
    id,
    nonce: randomBase32(26),
    ...(name === undefined ? {} : { name }),
    ...(store.apiKey === undefined ? {} : { apiKey: store.apiKey }),
    state: 'creating',
    kind,
    owner: { ...owner },
    createdAtMs: now,
    deadlineAtMs: now + spec.lifetimeMs,
    longestLifetimeMs: longestLifetimeMs(maker, spec),
    engine: { kind: engine, socketPath, startedByUs },
    containerName: `${containerNamePrefix}${id.slice(4, 16)}`,
    writableRoots: approved
      .filter(({ mount }) => !mount.readOnly)
      .map(({ mount: { source, dev, ino } }) => ({ source, dev, ino })),
    spec: recordedSpec(spec),
    commandPath: maker.commandPath,
  };
}
