import { expect, it } from 'vitest';
import type { AuditRecorder } from '../../../../src/audit/audit-log.js';
import type { SessionId } from '../../../../src/core/ids.js';
import type { BrokerUse } from '../../../../src/egress/broker/exchange.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { BrokerTold } from '../../../../src/session/broker/broker-told.js';

it('tells of each place that is written to, however many were read before', async () => {
  const written: (readonly [string, unknown])[] = [];
  const audit = {
    event: (action: string, { details }: { readonly details?: object }) => {
      written.push([action, details]);
      return Promise.resolve();
    },
  } as unknown as AuditRecorder;
  const told = new BrokerTold({ id: 's' as SessionId, audit, clock: systemClock });
  const use: BrokerUse = {
    ...{ atMs: 0, route: 'git:code.test', method: 'POST', path: '', key: '01234567', status: 200, isReckoned: false },
    ...{ requestBytes: 1, answerBytes: 1, durationMs: 1, isWrite: false },
  };
  for (let index = 0; index < 1_000; index += 1) told.used({ ...use, path: `/a/${index}/git-upload-pack` });
  expect(written).toHaveLength(64);
  const push = { ...use, path: '/a/b/git-receive-pack', isWrite: true };
  told.used(push);
  told.used(push);
  expect(written).toHaveLength(65);
  expect(written.at(-1)).toMatchObject(['broker.use', { path: { text: '/a/b/git-receive-pack' } }]);
  await told.over(undefined);
});

it('refusals are counted all, and written to the audit log only as they add up', async () => {
  const written: unknown[] = [];
  const audit = {
    event: (action: string, { details }: { readonly details?: object }) => {
      written.push([action, details]);
      return Promise.resolve();
    },
  } as unknown as AuditRecorder;
  let denied = 0;
  const denials = {
    add: () => {
      denied += 1;
    },
  };
  const told = new BrokerTold({ id: 's' as SessionId, audit, clock: systemClock, denials });
  const common = { route: 'anthropic', via: 'broker', reason: '', hint: '', atMs: 0, count: 1, port: 443 } as const;
  for (let index = 0; index < 1_000; index += 1) {
    told.refused({ ...common, ruleId: 'broker.path', host: 'api.test' });
  }
  expect(written).toHaveLength(10);
  expect(told.refusals()).toMatchObject([{ ruleId: 'broker.path', count: 1_000 }]);
  expect(denied).toBe(1_000);
  for (let index = 0; index < 1_000; index += 1) {
    told.refused({ ...common, ruleId: 'broker.path', host: `${index}.test` });
  }
  expect(written.length).toBeLessThanOrEqual(50);
  await told.over(undefined);
});
