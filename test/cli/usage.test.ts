import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

describe('the command line', () => {
  it('refuses what it does not know with status 2', async () => {
    await using place = await Place.make();
    const wrong = [
      ['fly'],
      [],
      ['ps', '--fast'],
      ['audit', 'burn'],
      ['config'],
      ['inspect'],
      ['rm'],
      ['audit', 'tail', '--lines', 'x'],
    ];
    for (const args of wrong) {
      const result = await paddock(place, args);
      expect([args, result.status]).toEqual([args, 2]);
      expect(result.stderr).not.toBe('');
    }
    const json = await paddock(place, ['ps', '--fast', '--json']);
    expect([json.status, document(json)]).toMatchObject([2, { error: { code: 'BAD_ARGUMENT', exitCode: 2 } }]);
  });

  it('shows help for itself and for every command it lists', async () => {
    await using place = await Place.make();
    const help = await paddock(place, ['--help']);
    expect(help.status).toBe(0);
    const names = [...help.stdout.toString().matchAll(/^ {2}paddock (\w+)/gm)].map((match) => match[1]);
    expect(names).toEqual(expect.arrayContaining(['serve', 'run', 'create', 'exec', 'ps', 'rm', 'prune', 'audit']));
    for (const name of names) expect([name, (await paddock(place, [name ?? '', '--help'])).status]).toEqual([name, 0]);
    const ofRun = (await paddock(place, ['run', '--help'])).stdout.toString();
    expect(ofRun).toMatch(/^ {2}--workspace VALUE +cow, ro, rw or none/m);
    expect(ofRun).toMatch(/^ {2}--engine VALUE +\S/m);
    expect(ofRun).not.toMatch(/^ {2}--\S+( VALUE)? *$/m);
  });

  it('shows every setting with where it came from', async () => {
    await using place = await Place.make();
    const shown = await paddock(place, ['config', 'show', '--json', '--log-level', 'warn']);
    const { settings } = document(shown) as { settings: { key: string; origin: string }[] };
    expect(settings).toContainEqual(expect.objectContaining({ key: 'auditLogPath', origin: 'env:MCP_AUDIT_LOG' }));
    expect(settings).toContainEqual(expect.objectContaining({ key: 'logLevel', origin: 'flag:--log-level' }));
    const forPeople = await paddock(place, ['config', 'show']);
    expect(forPeople.stdout.toString()).toContain('env:MCP_AUDIT_LOG');
    const path = await paddock(place, ['config', 'path', '--json'], { env: { XDG_CONFIG_HOME: '/x' } });
    expect(document(path)).toMatchObject({ user: '/x/paddock/config.toml' });
  });

  it('refuses settings that are wrong, with their place, before it does anything', async () => {
    await using place = await Place.make();
    const folder = join(place.root, 'config', 'paddock');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.toml'), 'log_levle = "debug"\n');
    const result = await paddock(place, ['ps'], { env: { XDG_CONFIG_HOME: join(place.root, 'config') } });
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/BAD_CONFIG.*config\.toml.*log_levle/s);
    const loose = await paddock(place, ['ps', '--max-sessions', '100000']);
    expect([loose.status, loose.stderr]).toEqual([2, expect.stringContaining('BAD_CONFIG')]);
  });

  it('refuses engines on TCP', async () => {
    await using place = await Place.make();
    const result = await paddock(place, ['create', '--json', '--engine', 'tcp://127.0.0.1:2375']);
    expect([result.status, document(result)]).toMatchObject([4, { error: { code: 'ENGINE_ENDPOINT_REFUSED' } }]);
  });
});
