import { describe, expect, it } from 'vitest';
import type { AuditFields } from '../../../../src/audit/audit-log.js';
import { EgressTold } from '../../../../src/session/egress/egress-told.js';
import { InMemoryAudit } from '../support/audit.js';

class Noted extends InMemoryAudit {
  readonly noted: { readonly action: string; readonly details: unknown }[] = [];

  override event(action: string, fields: AuditFields = {}): Promise<void> {
    this.noted.push({ action, details: fields.details });
    return super.event(action, fields);
  }
}

const id = 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa' as never;

describe('what the audit log hears of connections', () => {
  it('is each place, and of those that are too many one record for each rule and their sum', async () => {
    const audit = new Noted();
    const told = new EgressTold({ id, audit });
    const reach = (host: string, rule: string) =>
      told.connected({ host, port: 443, address: '127.0.0.1', via: 'connect', rule });
    for (let at = 0; at < 510; at += 1) reach(`n${at}.a.test`, '*.a.test');
    reach('one.b.test', '*.b.test');
    reach('n0.a.test', '*.a.test');
    await told.over({ total: 512, bytesIn: 1, bytesOut: 2 } as never);
    const connects = audit.noted.filter(({ action }) => action === 'egress.connect');
    expect(connects).toHaveLength(502);
    const text = JSON.stringify(connects.slice(500));
    expect(text.match(/further places are not listed/g)).toHaveLength(2);
    expect(text).toContain('*.b.test');
    expect(audit.noted.at(-1)).toMatchObject({ action: 'egress.end', details: { unlisted: 11 } });
  });
});
