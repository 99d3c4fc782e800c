import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, Encrypter, generateHybridIdentity, generateIdentity } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type KeySource, readKeys } from '../../../../src/workspace/sealed/key-source.js';
import { addKey } from '../../../../src/workspace/sealed/new-key.js';

const uid = process.getuid?.() ?? 0;

describe('the key for what is kept', () => {
  let top: string;
  let env: Record<string, string>;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-key-'));
    env = {};
  });
  afterEach(() => rmSync(top, { recursive: true }));

  const put = (text: string, name = 'key', mode = 0o600) => {
    const path = join(top, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const read = (source: KeySource, as = uid) => readKeys(source, { env, uid: as });
  const unusable = { code: 'ENCRYPTION_KEY_UNUSABLE' };

  it('is read from a file as age-keygen writes it, of both kinds, and shown to nobody', async () => {
    const [old, hybrid] = [await generateIdentity(), await generateHybridIdentity()];
    const keys = await read({ keyFile: put(`# created: now\n# public key: age1\n${old}\n\n${hybrid}\n`) });
    expect(keys.map(({ identity }) => identity.reveal())).toEqual([old, hybrid]);
    expect(JSON.stringify(keys)).not.toContain('SECRET');
    for (const { recipient, identity } of keys) {
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity.reveal());
      expect(await decrypter.decrypt(await encrypter.encrypt('it'), 'text')).toBe('it');
    }
  });

  it('is refused where others could have read or written it, or it is none', async () => {
    const identity = await generateIdentity();
    symlinkSync(put(identity), join(top, 'link'));
    mkdirSync(join(top, 'folder'));
    const bad = [
      ...[put(identity, 'readable', 0o640), put(identity, 'writable', 0o602), join(top, 'link'), join(top, 'folder')],
      ...[join(top, 'missing'), put('', 'empty'), put('# only\n', 'comment'), put(`${identity}\nhello\n`, 'text')],
      ...[
        put(identity.slice(0, -1), 'short'),
        put(`${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`, 'typo'),
        put('x'.repeat(70_000), 'long'),
      ],
      put(`${identity}\n`.repeat(65), 'many'),
    ];
    for (const keyFile of bad) {
      const error = await read({ keyFile }).catch((thrown: unknown) => thrown);
      expect(error, keyFile).toMatchObject(unusable);
      expect((error as Error).message).not.toContain(identity.slice(0, 30));
    }
    if (uid !== 0) return;
    await expect(read({ keyFile: put(identity, 'ours') }, 12)).resolves.toHaveLength(1);
  });

  it('is read from a systemd credential, where the service has one', async () => {
    put(`${await generateIdentity()}\n`, 'kept-key', 0o440);
    await expect(read({ credential: 'kept-key' })).rejects.toMatchObject(unusable);
    env = { CREDENTIALS_DIRECTORY: top };
    expect(await read({ credential: 'kept-key' })).toHaveLength(1);
    await expect(read({ credential: 'other' })).rejects.toMatchObject(unusable);
  });

  it('is read from the keyring by keyctl, where that is installed and knows it', async () => {
    const identity = await generateIdentity();
    await expect(read({ keyring: 'kept' })).rejects.toMatchObject(unusable);
    env = { PATH: `${top}:/usr/bin:/bin` };
    const script = `#!/bin/sh\ncase "$*" in 'request user kept') echo 4711;; 'pipe 4711') echo ${identity};; *) exit 1;; esac\n`;
    put(script, 'keyctl', 0o755);
    expect((await read({ keyring: 'kept' })).map((key) => key.identity.reveal())).toEqual([identity]);
    await expect(read({ keyring: 'other' })).rejects.toMatchObject(unusable);
    put('#!/bin/sh\necho no number\n', 'keyctl', 0o755);
    await expect(read({ keyring: 'kept' })).rejects.toMatchObject(unusable);
  });

  it('is made in a file of its own, and the next one behind it', async () => {
    const path = join(top, 'new');
    const first = await addKey(path, { uid, now: new Date(0) });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = await addKey(path, { uid, now: new Date(0) });
    expect((await read({ keyFile: path })).map(({ name }) => name)).toEqual([first.name, second.name]);
    const before = put('something else\n', 'foreign');
    await expect(addKey(before, { uid, now: new Date(0) })).rejects.toMatchObject(unusable);
    expect(readFileSync(before, 'utf8')).toBe('something else\n');
  });

  it('is in the file for whoever was told of it, however many add one at once', async () => {
    const path = join(top, 'new');
    const add = () => addKey(path, { uid, now: new Date(0) });
    const all = await Promise.allSettled(Array.from({ length: 8 }, add));
    const made = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.name] : []));
    expect(made.length).toBeGreaterThan(0);
    for (const one of all)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'STATE_UNWRITABLE' });
    expect((await read({ keyFile: path })).map(({ name }) => name).sort()).toEqual(made.sort());
    made.push((await add()).name);
    expect(await read({ keyFile: path })).toHaveLength(made.length);
    expect(readdirSync(top)).toEqual(['new']);
  });

  it('is never made through a link, nor in the place of one', async () => {
    symlinkSync(join(top, 'elsewhere'), join(top, 'link'));
    await expect(addKey(join(top, 'link'), { uid, now: new Date(0) })).rejects.toMatchObject(unusable);
    expect(readdirSync(top)).toEqual(['link']);
  });
});
