import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Evidence } from '../../../../src/core/evidence.js';
import type { Limits } from '../../../../src/core/limits.js';
import type { Promised } from '../../../../src/session/promised.js';
import type { SessionRecord } from '../../../../src/session/record.js';
import { type UpdateParts, updateSession } from '../../../../src/session/update.js';
import { context, specOf } from '../../policy/support/context.js';
import { stage } from '../../tools/support/stage.js';
import { InMemoryAudit } from './audit.js';

export const hourMs = 3_600_000;
export const mib = 1024 ** 2;
const ids = ['memory', 'swap', 'cpu', 'pids', 'deadline'] as const;

/** A session whose sandbox does as it is told, and what it was told; the limits that it is given show in its evidence. */
export function stagedUpdate(changes: Partial<SessionRecord> = {}) {
  const spec = { ...specOf({ memory: '256m', pids: 100 }), idleTimeoutMs: hourMs };
  const staged = stage({
    ...{ spec: spec as SessionRecord['spec'], createdAtMs: 1_000_000, deadlineAtMs: 1_000_000 + hourMs },
    ...{ longestLifetimeMs: 24 * hourMs, ...changes },
  });
  const { session, clock } = staged;
  const told: unknown[] = [];
  const evidence = (text: string): Evidence => ({
    readAtMs: 5,
    controls: ids.map((id) => ({ id, asked: text, engine: '-', kernel: text, status: 'enforced' })),
  });
  const sandbox = Object.assign(staged.sandbox, {
    handle: { ...staged.sandbox.handle, containerId: 'none', initPid: process.pid, evidence: evidence('before') },
    setDeadline: vi.fn((endsInMs: number, lifetimeMs: number) => {
      told.push(['end', endsInMs, lifetimeMs]);
      return Promise.resolve();
    }),
    setLimits: vi.fn((limits: Limits) => {
      told.push(['limits', limits.memoryBytes, limits.pids]);
      const spec = { ...sandbox.handle.spec, limits };
      Object.assign(sandbox, { handle: { ...sandbox.handle, spec, evidence: evidence(`${limits.pids}`) } });
      return Promise.resolve();
    }),
    setDiskLimits: vi.fn((limits: Pick<Limits, 'diskBytes' | 'fsizeBytes'>) => {
      const { spec } = sandbox.handle;
      Object.assign(sandbox, {
        handle: { ...sandbox.handle, spec: { ...spec, limits: { ...spec.limits, ...limits } } },
      });
    }),
    [Symbol.asyncDispose]: vi.fn(() => {
      sandbox.alive = false;
      return Promise.resolve();
    }),
  });
  const saved: SessionRecord[] = [];
  const save = vi.fn((one: SessionRecord) => Promise.resolve(void saved.push(one)));
  const decided: [string, string | undefined][] = [];
  const audit = new InMemoryAudit();
  const remove = vi.fn(() => Promise.resolve());
  const channelFolder = mkdtempSync(join(tmpdir(), 'paddock-update-'));
  onTestFinished(() => rmSync(channelFolder, { recursive: true }));
  const room = { reserved: 0, ask: vi.fn<(before: Promised, after: Promised, signal: AbortSignal) => Promise<void>>() };
  const admission: UpdateParts['admission'] = {
    grow: async (...asked) => {
      await room.ask(...asked);
      room.reserved += 1;
      return () => {
        room.reserved -= 1;
      };
    },
  };
  const growGate = vi.fn(() => Promise.resolve());
  const parts: UpdateParts = {
    store: { save, forget: remove, channelFolder: () => channelFolder },
    audit,
    clock,
    policy: context(),
    admission,
    growGate,
    onDecided: (verdict, rule) => void decided.push([verdict, rule]),
  };
  const before = session.record;
  const update = (request: unknown, signal?: AbortSignal) => updateSession(session, request, parts, signal);
  return {
    ...staged,
    sandbox,
    told,
    decided,
    saved,
    save,
    remove,
    audit,
    before,
    room,
    growGate,
    channelFolder,
    update,
  };
}
