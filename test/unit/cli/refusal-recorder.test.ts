import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import type { AuditFields, AuditRecorder } from '../../../src/audit/audit-log.js';
import { detailsToJson } from '../../../src/audit/redaction.js';
import { refusalRecorder } from '../../../src/cli/refusal-recorder.js';
import { HttpRefusal, type HttpRefusalReason } from '../../../src/mcp/http/refusal.js';

type Told = Record<string, unknown>;

function staged() {
  const told: [caller: string, details: Told][] = [];
  const auditOf = (caller = '-') => {
    const event = (_: string, { details = {} }: AuditFields = {}) => {
      told.push([caller, detailsToJson(details)]);
      return Promise.resolve();
    };
    return Promise.resolve({ event } as Partial<AuditRecorder> as AuditRecorder);
  };
  const record = refusalRecorder(auditOf, pino({ level: 'silent' }));
  const refuse = async (reason: HttpRefusalReason, times: number, caller?: string, check?: string) => {
    for (let at = 0; at < times; at += 1) record(new HttpRefusal(reason, 'no', {}, check), caller);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { told, refuse };
}

it('records who shows keys and tokens that are not good, however many requests with none came before', async () => {
  const { told, refuse } = staged();
  await refuse('host', 500);
  await refuse('no-key', 500);
  await refuse('wrong-key', 1);
  await refuse('wrong-token', 1, undefined, 'signature');
  await refuse('scope', 1, 'ada');
  expect(told.length).toBe(63);
  expect(told.slice(-3)).toEqual([
    ['-', { reason: 'wrong-key', status: 401 }],
    ['-', { reason: 'wrong-token', status: 401, check: 'signature' }],
    ['ada', { reason: 'scope', status: 403 }],
  ]);
});

it('says with the next record how many were left out', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] });
  try {
    const { told, refuse } = staged();
    await refuse('wrong-key', 75, undefined);
    expect(told.length).toBe(60);
    await vi.advanceTimersByTimeAsync(61_000);
    await refuse('wrong-key', 2);
    expect(told.slice(60)).toEqual([
      ['-', { reason: 'wrong-key', status: 401, leftOut: 15 }],
      ['-', { reason: 'wrong-key', status: 401 }],
    ]);
  } finally {
    vi.useRealTimers();
  }
});
