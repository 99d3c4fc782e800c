import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentPackage } from '../../../src/image/agent-packages.js';
import { fetchPackage } from '../../../src/image/fetch-package.js';

const wanted: AgentPackage = { agent: 'claude', name: '@x/y', version: '1.2.3', integrity: 'sha512-', program: 'y' };

describe('fetching a package', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function npm(script: string): Promise<string> {
    const path = join(folder, 'npm');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const options = (program: string, signal = new AbortController().signal) => ({
    ...{ folder, env: { PATH: process.env['PATH'], MARK: 'of the user' }, signal, npm: program },
  });

  it('asks the user’s npm, with the user’s environment, in /, and lets no script run', async () => {
    const program = await npm(`echo "$PWD|$MARK|$*" >${folder}/said`);
    expect(await fetchPackage(wanted, options(program))).toBe(join(folder, 'x-y-1.2.3.tgz'));
    const said = await readFile(join(folder, 'said'), 'utf8');
    expect(said).toBe(
      `/|of the user|pack @x/y@1.2.3 --ignore-scripts --silent --prefer-offline --pack-destination=${folder}\n`,
    );
  });

  it('says what npm says when it fails, made safe and cut', async () => {
    const program = await npm(
      "printf 'no \\033[31msuch package' >&2; head -c 900000 /dev/zero | tr '\\0' x >&2; exit 1",
    );
    const error: unknown = await fetchPackage(wanted, options(program)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'AGENT_NOT_FETCHED' });
    expect((error as Error).message.length).toBeLessThan(1200);
  });

  it('runs no npm that a project put first in the PATH', async () => {
    const bin = join(folder, 'node_modules/.bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'npm'), '#!/bin/sh\ntouch "$0.ran"\n', { mode: 0o755 });
    const env = { PATH: bin, HOME: folder };
    const fetching = fetchPackage(wanted, { folder, env, signal: new AbortController().signal });
    await expect(fetching).rejects.toMatchObject({ code: 'AGENT_NOT_FETCHED' });
    expect(existsSync(join(bin, 'npm.ran'))).toBe(false);
  });

  it('says that there is no npm', async () => {
    const fetching = fetchPackage(wanted, options(join(folder, 'none')));
    await expect(fetching).rejects.toMatchObject({
      message: expect.stringContaining('no npm on this host') as unknown,
    });
  });

  it.each([
    ['npm', 'echo $$ >"$0.pid"; exec sleep 60'],
    ['what npm has started', 'sleep 60 & echo $! >"$0.pid"; wait'],
    ['what npm has started and left behind', 'sleep 60 & echo $! >"$0.pid"'],
  ])('ends %s when it is cancelled', async (_what, script) => {
    const program = await npm(script);
    const stop = new AbortController();
    const fetching = fetchPackage(wanted, options(program, stop.signal));
    const readPid = async () => (await readFile(`${program}.pid`, 'utf8').catch(() => '')).trim();
    while ((await readPid()) === '') await sleep(5);
    const pid = await readPid();
    stop.abort();
    await expect(fetching).rejects.toMatchObject({ code: 'INTERRUPTED' });
    for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries += 1) await sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('waits for nobody who has left the group of npm and holds its output', async () => {
    const program = await npm('setsid sh -c \'echo $$ >"$0.pid"; exec sleep 60\' "$0" & wait');
    const stop = new AbortController();
    const fetching = fetchPackage(wanted, options(program, stop.signal));
    const readPid = async () => (await readFile(`${program}.pid`, 'utf8').catch(() => '')).trim();
    while ((await readPid()) === '') await sleep(5);
    stop.abort();
    await expect(fetching).rejects.toMatchObject({ code: 'INTERRUPTED' });
    process.kill(Number(await readPid()), 'SIGKILL');
  });

  it('starts nothing when it is cancelled before', async () => {
    const program = await npm('touch "$0.ran"');
    await expect(fetchPackage(wanted, options(program, AbortSignal.abort()))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(existsSync(`${program}.ran`)).toBe(false);
  });
});
