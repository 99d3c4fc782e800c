import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proxyEnvironment } from '../../../src/policy/egress/environment.js';
import { loopback, openRig } from './support/rig.js';
import { openPages } from './support/servers.js';

/** Each asks for something below that address, by its settings as they are on a machine where nobody has set any. */
const tools: readonly (readonly [string, (url: string) => readonly [string, ...string[]]])[] = [
  ['git', (url) => ['git', 'ls-remote', `${url}/git`]],
  ['npm', (url) => ['npm', 'view', 'a-package', '--registry', `${url}/npm/`, '--fetch-retries=0']],
  ['Python', (url) => ['python3', '-I', '-c', `import urllib.request; urllib.request.urlopen("${url}/python")`]],
];

describe('what the proxy environment makes go by the proxy', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'paddock-tools-'));
  });
  afterAll(() => rm(home, { recursive: true }));

  it.each(tools)('%s, whose name of the host is asked of nobody here', async (_name, command) => {
    await using pages = await openPages();
    await using rig = await openRig({ allow: [`http://allowed.test:${pages.port}`, ...loopback(pages.port)] });
    const [program, ...args] = command(`http://allowed.test:${pages.port}`);
    const env = { PATH: process.env['PATH'], HOME: home, ...proxyEnvironment({ httpPort: rig.httpPort }) };
    // What they make of the answer is not looked at.
    await promisify(execFile)(program, args, { env, cwd: home, timeout: 20_000 }).catch(() => undefined);
    expect(pages.requests.length).toBeGreaterThan(0);
    expect(rig.looked).toEqual(expect.arrayContaining(['allowed.test']));
    expect(rig.told).toEqual([]);
  });
});
