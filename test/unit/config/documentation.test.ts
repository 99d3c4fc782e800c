import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { auditKeys } from '../../../src/config/audit-settings.js';
import { defaultKeys } from '../../../src/config/defaults.js';
import { encryptionKeys } from '../../../src/config/encryption.js';
import { imageKeys } from '../../../src/config/image-rules.js';
import { settings } from '../../../src/config/layers.js';
import { policyFileSchema, userSettingsSchema } from '../../../src/config/schema.js';
import { admissionKeys, alarmKeys, ceilingKeys, ruleKeys } from '../../../src/config/site-rules.js';
import { requirements } from '../../../src/core/evidence.js';

const document = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

describe('docs/configuration.md', () => {
  it('has a row for every setting with its variable and its flag, and no other', () => {
    const rows = [...document.matchAll(/^\| `([a-z_.]+)` +\| `([A-Z_]+)`[^|]*\| `--([a-z-]+)` +\|/gm)].map((row) =>
      row.slice(1),
    );
    expect(rows).toEqual(settings.map(({ key, env, flag }) => [key, env, flag]));
  });

  it('has a row for every key of the policy file, and of the table for the audit log', () => {
    const keys = [
      ...Object.keys(ruleKeys),
      'images',
      ...Object.keys(imageKeys).map((name) => `images.${name}`),
      ...Object.keys(ceilingKeys).map((name) => `ceilings.${name}`),
      ...Object.keys(admissionKeys).map((name) => `admission.${name}`),
      ...Object.keys(alarmKeys).map((name) => `alarms.${name}`),
      ...Object.keys(auditKeys).map((name) => `audit.${name}`),
    ];
    expect(keys.filter((key) => !new RegExp(`^\\| \`${key.replace('.', '\\.')}\` +\\|`, 'm').test(document))).toEqual(
      [],
    );
  });

  it('has a row for every key of the table of alerts', () => {
    const keys = Object.keys(userSettingsSchema.shape.alerts.unwrap().shape);
    expect(keys.filter((key) => !new RegExp(`^\\| \`alerts\\.${key}\` +\\|`, 'm').test(document))).toEqual([]);
  });

  it.each(['metrics', 'tracing'] as const)('has a row for every key of the table of %s', (table) => {
    const keys = Object.keys(userSettingsSchema.shape[table].unwrap().shape);
    expect(keys.filter((key) => !new RegExp(`^\\| \`${table}\\.${key}\` +\\|`, 'm').test(document))).toEqual([]);
  });

  it('has a row for every key of the table for access tokens', () => {
    const keys = Object.keys(userSettingsSchema.shape.http.unwrap().shape.oauth.unwrap().shape);
    expect(keys.filter((key) => !new RegExp(`^\\| \`http\\.oauth\\.${key}\` +\\|`, 'm').test(document))).toEqual([]);
  });

  it('has a row for every key of the table of encryption', () => {
    const keys = Object.keys(encryptionKeys).map((name) => `encryption\\.${name}`);
    expect(keys.filter((key) => !new RegExp(`^\\| \`${key}\` +\\|`, 'm').test(document))).toEqual([]);
  });

  it('names every control that can be required', () => {
    expect(requirements.filter((id) => !document.includes(`\`${id}\``))).toEqual([]);
  });
});

describe('the settings', () => {
  it('cover every key of the two files', () => {
    const top = Object.keys(userSettingsSchema.shape).filter(
      (key) => !['policy', 'defaults', 'audit', 'encryption', 'alerts', 'metrics', 'tracing', 'http'].includes(key),
    );
    const known = settings.map(({ key }) => key);
    expect(known).toEqual(
      [...top, ...Object.keys(defaultKeys).map((name) => `defaults.${name}`)].sort(
        (a, b) => known.indexOf(a) - known.indexOf(b),
      ),
    );
    const policyKeys = [
      ...Object.keys(ruleKeys),
      'images',
      'apply',
      'broker',
      'egress',
      'ceilings',
      'admission',
      'alarms',
      'defaults',
    ];
    expect(Object.keys(policyFileSchema.shape).sort()).toEqual(policyKeys.sort());
  });
});
