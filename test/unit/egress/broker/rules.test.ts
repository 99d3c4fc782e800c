import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { brokerRules } from '../../../../src/egress/broker/rules.js';

it('docs/broker.md lists every rule with its status and reason, and each is raised somewhere', () => {
  const document = readFileSync(new URL('../../../../docs/broker.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| `(broker\.[a-z-]+)` +\| (\d{3}) +\| (.+?) +\|$/gm)].map(([, ...row]) => row);
  const table = Object.entries(brokerRules).map(([id, { status, reason }]) => [id, String(status), reason]);
  expect(rows).toEqual(table);

  const folder = new URL('../../../../src/egress/broker/', import.meta.url).pathname;
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts') && name !== 'rules.ts');
  const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const raised = (id: string) => source.includes(`BrokerRefused('${id}'`) || source.includes(`refusal: '${id}'`);
  expect(Object.keys(brokerRules).filter((id) => !raised(id))).toEqual([]);
});
