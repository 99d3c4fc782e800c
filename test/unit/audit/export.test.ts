import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { csvHeader, csvRow } from '../../../src/audit/export/csv.js';
import { ocsfEvent } from '../../../src/audit/export/ocsf.js';
import { type AuditEntry, exportAudit } from '../../../src/audit/read.js';
import { plain, redactArgv } from '../../../src/audit/redaction.js';
import { storyLines, tellStory } from '../../../src/audit/story.js';
import { collect, folder, openAt, session } from './support/log-fixture.js';

/** A session from its creation to its end, another one, and a line that is damaged. */
async function sample(path: string): Promise<AuditEntry[]> {
  {
    await using log = await openAt(path);
    const evil = log.forCaller({ client: { name: '=cmd|"/c calc"!A1,x', version: '1' } });
    await (await evil.intent('session.create', { session, details: { image: plain('host') } })).outcome('ok');
    const command = await evil.intent('command.run', { session, details: redactArgv(['npm', 'install', 'secret']) });
    await log.event('egress.connect', { session, verdict: 'allow', details: { host: plain('a.example'), port: 443 } });
    await log.event('egress.deny', { session, verdict: 'deny', rule: 'egress.host', details: { host: plain('@b') } });
    await command.outcome('ok', { details: { exitCode: 0 } });
    await log.forCaller({ keyHash: '0123456789abcdef' }).event('session.list', { session });
    await log.intent('changes.apply', { session });
  }
  return await collect(exportAudit(path));
}

describe('as CSV', () => {
  it('has a row for each line of the log, and no cell that a sheet would take for a formula', async () => {
    await using f = await folder();
    const entries = await sample(f.path);
    const rows = entries.map(csvRow);
    expect(csvHeader.split(',').length).toBe(17);
    expect(rows[1]).toContain(`"'=cmd|""/c calc""!A1,x 1"`);
    for (const row of rows) {
      expect(row.endsWith('\r\n')).toBe(true);
      const cells = row.match(/(?<=^|,)(?:"(?:[^"]|"")*"|[^,\r\n]*)/g)!;
      expect(cells).toHaveLength(17);
      for (const cell of cells) expect(cell.replace(/^"/, '')).not.toMatch(/^[=+\-@\t]/);
    }
    expect(rows.join('')).not.toContain('secret');
  });

  it.each(['=1', '+1', '-1', '@x', '\t=1', ' =1', '\r=1', '\uff1d1'])('makes text of %j', (problem) => {
    const row = csvRow({ file: 'audit.jsonl', offsetBytes: 0, problem });
    expect(row.slice(row.lastIndexOf(problem) - 1)[0]).toBe("'");
  });
});

describe('as OCSF 1.2.0', () => {
  const host = { hostname: 'box', version: '0.1.0' };
  const required = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];

  it('has what the schema requires of each class', async () => {
    await using f = await folder();
    const events = (await sample(f.path)).map((entry) => ocsfEvent(entry, host) as Record<string, unknown>);
    for (const event of events) {
      for (const key of required) expect(event, key).toHaveProperty(key);
      expect(event['type_uid']).toBe(Number(event['class_uid']) * 100 + Number(event['activity_id']));
      expect(event['metadata']).toMatchObject({ version: '1.2.0', product: { vendor_name: 'Paddock' } });
      expect(event['actor']).toMatchObject({ user: { name: 'ada' } });
      if (event['class_uid'] === 6003) {
        expect(event['api']).toMatchObject({ operation: expect.any(String) });
        expect(event['src_endpoint']).toMatchObject({ name: expect.any(String) });
      } else {
        expect(event['class_uid']).toBe(1007);
        expect(event).toMatchObject({ device: { type_id: 99, hostname: 'box' }, process: { uid: expect.any(String) } });
      }
    }
    const byKey = events.filter((event) => JSON.stringify(event['actor']).includes('credential_uid'));
    const actor = { user: { name: 'ada', credential_uid: '0123456789abcdef' } };
    expect(byKey).toMatchObject([{ api: { operation: 'session.list' }, actor }]);
    const commands = events.filter((event) => event['class_uid'] === 1007);
    expect(commands.map((event) => event['activity_id'])).toEqual([1, 2]);
    expect(commands[0]).toMatchObject({ process: { name: 'npm' }, metadata: { correlation_uid: session } });
    expect(events.find((event) => event['severity_id'] === 3)).toMatchObject({ unmapped: { rule: 'egress.host' } });
  });

  it('tells a line that holds no record as a base event', async () => {
    await using f = await folder();
    await writeFile(f.path, 'damaged\n');
    const [entry] = await collect(exportAudit(f.path));
    expect(ocsfEvent(entry!, host)).toMatchObject({ class_uid: 0, type_uid: 0, message: expect.any(String) });
  });
});

describe('the story of a session', () => {
  it('puts each outcome to its intent, and what a command brought about below it', async () => {
    await using f = await folder();
    await sample(f.path);
    const story = await tellStory(session, exportAudit(f.path, { session }));
    expect(story.steps.map((step) => [step.kind, step.action, step.result])).toEqual([
      ['call', 'session.create', 'ok'],
      ['command', 'command.run', 'ok'],
      ['egress', 'egress.connect', undefined],
      ['egress', 'egress.deny', undefined],
      ['call', 'session.list', undefined],
      ['changes', 'changes.apply', undefined],
    ]);
    const lines = storyLines(story).map((line) => line.slice(21));
    expect(lines[0]).toMatch(/^session\.create by =cmd\S* \S* of ada image=host -> ok \d+ ms$/);
    expect(lines[1]).toMatch(/^ {2}command\.run argc=3 argv=18B#[0-9a-f]{8} program=npm -> ok \d+ ms exitCode=0$/);
    expect(lines[3]).toMatch(/^ {4}egress\.deny host=@b -> DENIED by egress\.host$/);
    expect(lines[4]).toBe('session.list by ada with key 0123456789abcdef');
    expect(lines[5]).toMatch(/^ {4}changes\.apply -> no outcome$/);
  });
});
