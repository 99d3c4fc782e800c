import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-kube-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(path: string, words: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
}

it('what checks Kubernetes has the Node that is first in PATH, also when kubectl lies beside another', async () => {
  for (const path of ['scripts/check-kubernetes', 'scripts/lab/common.sh']) {
    await cp(path, join(folder, 'project', path));
  }
  await program('project/dist/cli/main.js', '');
  await program('ours/npx', 'echo ours; command -v kubectl');
  await program('other/npx', 'echo other');
  await program('other/kubectl', '');
  const PATH = [join(folder, 'ours'), join(folder, 'other'), '/usr/bin', '/bin'].join(':');
  const script = join(folder, 'project/scripts/check-kubernetes');
  const { stdout } = await promisify(execFile)('bash', [script], { env: { PATH } });
  expect(stdout).toBe(`ours\n${join(folder, 'other/kubectl')}\n`);
});
