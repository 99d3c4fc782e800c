import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

  it('says that there is no npm', async () => {
    const fetching = fetchPackage(wanted, options(join(folder, 'none')));
    await expect(fetching).rejects.toMatchObject({
      message: expect.stringContaining('no npm on this host') as unknown,
    });
  });

  it('ends npm when it is cancelled', async () => {
    const program = await npm(`echo $$ >${folder}/pid; exec sleep 600`);
    const stop = new AbortController();
    const fetching = fetchPackage(wanted, options(program, stop.signal));
    const pidFile = join(folder, 'pid');
    const isWritten = async () => (await readFile(pidFile, 'utf8').catch(() => '')) !== '';
    while (!(await isWritten())) await sleep(5);
    const pid = (await readFile(pidFile, 'utf8')).trim();
    stop.abort();
    await expect(fetching).rejects.toMatchObject({ code: 'INTERRUPTED' });
    for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries += 1) await sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});
