import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dockerOptions } from '../../../src/policy/docker/parse.js';
import { rules } from '../../../src/policy/rules.js';
import { toPolicyDenied } from '../../../src/policy/verdict.js';

const document = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

describe('the rule table', () => {
  it('and docs/policy.md list the same rules with the same reasons', () => {
    const rows = [...document.matchAll(/^\| `([a-z-]+\.[a-z-]+)` +\| (.+?) +\|$/gm)].map(([, id, text]) => [id, text]);
    expect(rows).toEqual(Object.entries(rules).map(([id, { reason }]) => [id, reason]));
  });

  it('has no rule that nothing in the room raises', () => {
    const folder = new URL('../../../src/policy/', import.meta.url).pathname;
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && name !== 'rules.ts',
    );
    const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
    const unused = Object.keys(rules).filter((id) => !source.includes(`'${id}'`));
    expect(unused).toEqual([]);
  });

  it('gives errors for rooms that throw', () => {
    const error = toPolicyDenied({ verdict: 'deny', ruleId: 'network.mode', reason: 'r', hint: 'h' });
    expect(error).toMatchObject({ code: 'POLICY_DENIED', ruleId: 'network.mode', hint: 'h', exitCode: 3 });
  });
});

describe('docs/policy.md', () => {
  it('names every Docker option that is known', () => {
    const missing = dockerOptions().filter(({ name }) => !document.includes(`\`${name}\``));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
