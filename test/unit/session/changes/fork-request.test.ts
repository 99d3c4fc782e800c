import { expect, it } from 'vitest';
import { proxyEnvironment } from '../../../../src/policy/egress/environment.js';
import { forkRequestOf } from '../../../../src/session/changes/fork-request.js';
import { record } from '../support/records.js';

const note = { project: { source: '/project' } } as Parameters<typeof forkRequestOf>[0];
const egress = { connections: 1, bytes: 1, bytesPerSecond: 1 };
const reaching = (more: { allow: string[]; asked?: string[] }) => {
  const base = record();
  return record({ spec: { ...base.spec, network: 'allowlist', egress: { ...egress, ...more } } });
};

it('asks for what the other session asked for: presets by name, and nothing that was approved besides', () => {
  const from = reaching({ allow: ['https://registry.example', 'approved.example'], asked: ['preset:npm'] });
  expect(forkRequestOf(note, from)).toMatchObject({ network: 'allowlist', allow: ['preset:npm'] });
});

it('asks for the rules of a session of which it is not known what it asked for', () => {
  expect(forkRequestOf(note, reaching({ allow: ['a.example'] }))).toMatchObject({ allow: ['a.example'] });
});

it('asks for no network where there was none', () => {
  const request = forkRequestOf(note, record());
  expect([request.network, request.allow]).toEqual(['none', undefined]);
});

it('takes over variables of the user’s and none that lead to what listened inside', () => {
  const env = {
    ...proxyEnvironment({ httpPort: 61128 }),
    ...{ ANTHROPIC_BASE_URL: 'http://127.0.0.1:61200/anthropic', ANTHROPIC_API_KEY: 'paddock-placeholder' },
    ...{ TOKEN: 'kept', no_proxy: 'own.example' },
  };
  expect(forkRequestOf(note, record(), env).env).toEqual({ TOKEN: 'kept', no_proxy: 'own.example' });
});

it('is for a fork of one with siblings to see them, and publishes nothing under a name that it does not have', () => {
  const spec = { ...record({}).spec, network: 'internal' as const, ports: [{ port: 8080 }] };
  const egress = { allow: [], asked: [], connections: 1, bytes: 1, bytesPerSecond: 1 };
  const seen = forkRequestOf(note, record({ name: 'web', spec: { ...spec, egress } }));
  expect(seen).toMatchObject({ network: 'internal' });
  expect(seen).not.toHaveProperty('ports');
  expect(seen).not.toHaveProperty('allow');
  const listed = forkRequestOf(note, record({ spec: { ...spec, egress: { ...egress, asked: ['preset:npm'] } } }));
  expect(listed).toMatchObject({ network: 'internal', allow: ['preset:npm'] });
});
