import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { listLogFiles } from '../../../src/audit/log-files.js';
import { audit } from '../../../src/cli/commands/audit.js';
import { systemClock } from '../../../src/kit/clock.js';
import { folder, openAt } from '../audit/support/log-fixture.js';

async function verified(dir: string, values: Readonly<Record<string, string>>): Promise<string> {
  const stdout = new PassThrough();
  const env = { XDG_STATE_HOME: dir, XDG_RUNTIME_DIR: dir, XDG_CONFIG_HOME: dir };
  const terminal = {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    stderrIsTerminal: false,
    screen: undefined,
  };
  const { signal } = new AbortController();
  await audit.run({ values, positionals: ['verify'], rest: [], json: false, env, terminal, signal });
  return String(stdout.read());
}

it('tells chains that went on in the next file from those without an end', async () => {
  await using f = await folder();
  {
    await using log = await openAt(f.path, systemClock, { fileBytes: 3000 });
    while (listLogFiles(f.path).length < 3) await log.event('session.list');
  }
  const said = await verified(f.dir, { 'audit-log': f.path });
  expect(said).toContain('2 chains go on in another one (in the next file, or after a write that failed)');
  expect(said).not.toContain('no closing record');
  await using open = await openAt(f.path);
  await open.event('session.list');
  expect(await verified(f.dir, { 'audit-log': f.path })).toContain('1 chains have no closing record');
});

it('names the anchor that is not there, and not the log', async () => {
  await using f = await folder();
  await using log = await openAt(f.path);
  await log.event('session.list');
  const none = `${f.dir}/none`;
  const refused = { code: 'BAD_ARGUMENT', message: `${none} can't be read: ENOENT` };
  await expect(verified(f.dir, { 'audit-log': f.path, anchor: none })).rejects.toMatchObject(refused);
});
