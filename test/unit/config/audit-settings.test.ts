import { expect, it } from 'vitest';
import { settleAudit } from '../../../src/config/audit-settings.js';
import type { Layer } from '../../../src/config/layers.js';
import { expandHome } from '../../../src/config/policy-draft.js';

const layer = (audit: object): Layer => ({ settings: { audit }, origin: (key: string) => `file:${key}` });
const settled = (audit: object) => settleAudit([layer(audit)], new Map(), (path) => expandHome(path, '/home/ada'));

it('takes the paths of [audit] as those of the user, and the word journald as the word that it is', () => {
  expect(settled({ anchor: '~/anchor.jsonl', forward: '~/log' })).toMatchObject({
    ...{ anchorPath: '/home/ada/anchor.jsonl', forward: '/home/ada/log' },
  });
  expect(settled({ forward: 'journald', forward_records: true })).toMatchObject({
    ...{ anchorPath: undefined, forward: 'journald', forwardRecords: true },
  });
});

it('has the last layer win, key by key', () => {
  const layers = [layer({ forward: 'journald', erasable: true }), layer({ forward: '/dev/log' })];
  const at = (path: string) => path;
  expect(settleAudit(layers, new Map(), at)).toMatchObject({ forward: '/dev/log', erasable: true });
});
