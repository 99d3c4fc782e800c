import { describe, expect, it } from 'vitest';
import { complaint, load, userFile } from './support/loading.js';

const with_ = (text: string) => ({ [userFile]: `[encryption]\n${text}\n` });

describe('encryption of what is kept', () => {
  it('is off, and without a key', async () => {
    expect((await load()).encryption).toEqual({
      kept: false,
      keyFile: undefined,
      credential: undefined,
      keyring: undefined,
    });
  });

  it('has one place for its key, which may be set without encrypting', async () => {
    const config = await load({}, with_('kept = true\nkey_file = "~/k"'));
    expect(config.encryption).toMatchObject({ kept: true, keyFile: '/home/ada/k' });
    expect(config.origins['encryption.keyFile']).toBe(`file:${userFile}`);
    expect((await load({}, with_('credential = "kept-key"'))).encryption).toMatchObject({
      kept: false,
      credential: 'kept-key',
    });
  });

  it('is refused without a key, with two, and with a name that leads elsewhere', async () => {
    for (const text of ['kept = true', 'key_file = "~/k"\nkeyring = "k"', 'credential = "../k"', 'keep = true']) {
      expect(await complaint({}, with_(text))).toContain('encryption');
    }
  });
});
