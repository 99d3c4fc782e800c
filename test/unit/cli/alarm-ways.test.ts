import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { AuditFields } from '../../../src/audit/audit-log.js';
import { Hearing } from '../../../src/cli/hearing.js';
import { newMonitoring } from '../../../src/cli/new-monitoring.js';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { SessionError } from '../../../src/core/errors.js';
import { Disposables } from '../../../src/kit/disposables.js';
import { Secret } from '../../../src/kit/secret.js';
import type { AlarmKind } from '../../../src/monitor/alarms/alarm.js';
import type { Monitoring } from '../../../src/monitor/monitoring.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

/** What has to happen for each, as often as it takes. */
const causes: Partial<Record<AlarmKind, (monitoring: Monitoring, hearing: Hearing) => void>> = {
  denials: ({ denials }) => times(20, () => denials.add('call', 'image.env')),
  'egress-denials': ({ denials }) => times(20, () => denials.add('connection', 'egress.host')),
  'unknown-sessions': ({ denials }) => times(10, () => denials.failed(new SessionError('NO_SUCH_SESSION', 'no'))),
  audit: (_, { onRecord }) => onRecord({ phase: 'intent', action: 'x', isWritten: false, durationMs: 0 }),
  canary: (monitoring) => monitoring.checked([{ id: 'canary', status: 'fail' }]),
  // What samples make of it: test/unit/monitor/alarms.
  oom: ({ alarms }) => alarms.raise({ session: 's', kind: 'oom', level: 'critical', text: 'x', values: {} }),
  pids: ({ alarms }) => alarms.raise({ session: 's', kind: 'pids', level: 'warning', text: 'x', values: {} }),
};

function times(count: number, once: () => void): void {
  for (let i = 0; i < count; i += 1) once();
}

it('an alarm of each kind goes into the audit log, to the log, to the webhook and onto the desktop', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paddock-ways-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [notifySend, shown] = [join(folder, 'notify-send'), join(folder, 'shown')];
  await writeFile(notifySend, `#!/bin/sh\nprintf '%s\\n' "$4" >>${shown}\n`);
  await chmod(notifySend, 0o755);
  await using hook = await WebhookReceiver.start();
  const [recorded, told, sent]: [unknown[], string[], string[]] = [[], [], []];
  const event = (action: string, { details, session }: AuditFields = {}) => {
    recorded.push([action, JSON.stringify(details?.['kind']), session]);
    // A log that can't be written keeps nobody else from hearing of it.
    return Promise.reject(new Error('the disk is full'));
  };
  const hearing = new Hearing();
  {
    await using held = new Disposables();
    const alerts = {
      webhook: new Secret(hook.url),
      webhookKeyFile: undefined,
      desktop: true,
      level: 'warning' as const,
    };
    const monitoring = await newMonitoring({
      ...{ config: { sitePolicy: builtInPolicy('/'), alerts }, audit: { event }, held, hearing, env: {}, notifySend },
      ...{ warn: (text) => void sent.push(text), tell: ({ kind }) => void told.push(kind) },
      onAlert: (outlet, result) => void sent.push(`${outlet} ${result}`),
    });
    for (const cause of Object.values(causes)) cause(monitoring, hearing);
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBe(14);
  }
  const kinds = Object.keys(causes);
  const about = (kind: string) => (['oom', 'pids'].includes(kind) ? 's' : undefined);
  expect(told).toEqual(kinds);
  expect(recorded).toEqual(
    kinds.map((kind): unknown[] => ['session.alarm', expect.stringContaining(`"${kind}"`), about(kind)]),
  );
  expect(hook.received.map(({ kind }) => kind)).toEqual(kinds);
  expect((await readFile(shown, 'utf8')).trim().split('\n')).toEqual(kinds.map((kind) => `Paddock: ${kind}`));
  expect(new Set(sent)).toEqual(new Set(['webhook ok', 'desktop ok']));
});
