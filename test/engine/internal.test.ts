import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportAudit } from '../../src/audit/read.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { command, run, Stage, said } from './support/stage.js';

/** As programs do it that know of proxies by their environment only. */
const get = (url: string) =>
  `python3 -I -c '
import urllib.request, urllib.error
try: print(urllib.request.urlopen("${url}", timeout=20).read().decode().strip())
except urllib.error.HTTPError as e: print(e.code, e.read().decode())
'`;

const serve = `cd /tmp && echo "from web" >index.html && exec python3 -m http.server --bind 127.0.0.1 8080`;

describe.each(engineKinds)('sandboxes of a real rootless %s with network internal', (kind) => {
  let stage: Stage;
  let web: Session;
  let client: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    web = await stage.create({ name: 'web', ports: ['site=8080'] });
    client = await stage.create({ network: 'internal' });
    await web.start(command(serve));
    const listens = async () => expect(await said(web, 'cat /proc/net/tcp')).toContain('0100007F:1F90');
    await vi.waitFor(listens, { timeout: 30_000, interval: 100 });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('have no network device', () => {
    for (const session of [web, client]) {
      const network = session.sandbox.handle.evidence.controls.find(({ id }) => id === 'network');
      expect(network).toMatchObject({ asked: 'internal', engine: 'none', status: 'enforced' });
    }
  });

  it('reach each other’s ports by number and by name, and it is on record', async () => {
    expect(await said(client, get('http://web.internal:8080/'))).toBe('from web');
    expect(await said(client, get('http://site.web.internal/'))).toBe('from web');
    const written = [];
    for await (const { record } of exportAudit(stage.audit.path, { session: client.id })) written.push(record);
    expect(JSON.stringify(written.filter((record) => record?.action === 'egress.connect'))).toContain(web.id);
  });

  it('reach nothing else: no other port, no other session, and nothing outside', async () => {
    const result = await run(
      client,
      `${get('http://web.internal:8081/')}; ${get('http://db.internal/')}; ${get('http://example.test/')}`,
    );
    expect(result.stdout.text.match(/\(rule [a-z.-]+\)/g)).toEqual([
      '(rule internal.port)',
      '(rule internal.session)',
      '(rule egress.host)',
    ]);
    expect(result.blocked?.map(({ ruleId }) => ruleId)).toContain('internal.port');
  });

  it('have names of their own', async () => {
    await expect(stage.create({ name: 'web', network: 'internal' })).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      ruleId: 'internal.name-taken',
    });
  });

  it('say when a port does not answer, and when a session has ended', async () => {
    const db = await stage.create({ name: 'db', ports: [5432] });
    expect(await said(client, get('http://db.internal:5432/'))).toContain('nothing listens on the port 5432');
    await stage.sessions.destroy(db.id);
    expect(await said(client, get('http://db.internal:5432/'))).toContain('internal.ended');
  });
});
