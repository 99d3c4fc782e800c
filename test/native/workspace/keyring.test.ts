import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomBase32 } from '../../../src/kit/random-id.js';
import { readKeys } from '../../../src/workspace/sealed/key-source.js';

const keyctl = (args: readonly string[], input = '') =>
  execFileSync('keyctl', args, { input, encoding: 'utf8' }).trim();

/** Why the kernel's keys can't be used here; undefined where they can. */
function missing(): string | undefined {
  try {
    keyctl(['show', '@u']);
    return undefined;
  } catch {
    return 'keyctl of keyutils is not installed, or the kernel refuses it here';
  }
}

describe('a key in the keyring of the kernel', () => {
  const name = `paddock-test-${randomBase32(12)}`;
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-keyring-'));
  });
  afterEach(() => rmSync(top, { recursive: true }));

  it('is read where it was put as the documentation says, and no more once it was taken away', async ({ skip }) => {
    const why = missing();
    skip(why !== undefined, why);
    const identities = [await generateIdentity(), await generateIdentity()];
    writeFileSync(join(top, 'kept.key'), `# mine\n${identities.join('\n')}\n`);
    const read = () =>
      readKeys({ keyring: name }, { env: { PATH: process.env['PATH'] }, uid: process.getuid?.() ?? 0 });
    await expect(read()).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_UNUSABLE' });
    execFileSync('sh', ['-c', 'keyctl link @u @s && keyctl padd user "$1" @u <kept.key', 'sh', name], { cwd: top });
    try {
      expect((await read()).map(({ identity }) => identity.reveal())).toEqual(identities);
    } finally {
      keyctl(['unlink', keyctl(['request', 'user', name]), '@u']);
    }
    await expect(read()).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_UNUSABLE' });
  });
});
