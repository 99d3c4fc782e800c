import { expect, it } from 'vitest';
import type { AuditRecorder } from '../../../../src/audit/audit-log.js';
import type { SessionId } from '../../../../src/core/ids.js';
import type { BrokerUse } from '../../../../src/egress/broker/exchange.js';
import { noTokens } from '../../../../src/egress/broker/usage/counts.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { BrokerTold } from '../../../../src/session/broker/broker-told.js';

function heard() {
  const written: (readonly [string, object | undefined])[] = [];
  const event = (action: string, { details }: { readonly details?: object }) => {
    written.push([action, details]);
    return Promise.resolve();
  };
  return { written, audit: { event } as unknown as AuditRecorder };
}

it('tells of each place that is written to, however many were read before', async () => {
  const { written, audit } = heard();
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
  const { written, audit } = heard();
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

it('the end has a cost where one is known, and none where no call had a price', async () => {
  const { written, audit } = heard();
  const line = { key: '01234567', requests: 2, reckoned: 0, bytes: 1, tokens: noTokens };
  const lines = [
    { ...line, route: 'openai', model: 'unheard-of', costUsd: 0, unpriced: 2 },
    { ...line, route: 'openai', model: 'long', costUsd: 0.5, unpriced: 1 },
    { ...line, route: 'git:code.test', costUsd: 0, unpriced: 0 },
  ];
  const told = new BrokerTold({ id: 's' as SessionId, audit, clock: systemClock });
  await told.over({ requests: 6, tokens: noTokens, costUsd: 0.5, unpriced: 3, lines });
  expect(written).toMatchObject([
    ['broker.end', { unpriced: 2 }],
    ['broker.end', { unpriced: 1, microUsd: 500_000 }],
    ['broker.end', { unpriced: 0, microUsd: 0 }],
  ]);
  expect(written[0]).not.toHaveProperty('1.microUsd');
});
