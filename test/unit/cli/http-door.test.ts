import { describe, expect, it } from 'vitest';
import { doorOf } from '../../../src/cli/http-door.js';
import { newKeySecret } from '../../../src/keys/key-secret.js';

describe('a key, while what is kept of keys can not be read', () => {
  it('is told to come again, and nobody that it is good no more', async () => {
    const told: unknown[] = [];
    const short = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    const ring = { holderOf: () => Promise.reject(short), isGood: () => Promise.reject(short) };
    const door = doorOf({
      ...{ ring, tokens: undefined, keysToo: true },
      callers: { welcome: () => Promise.reject(new Error('nobody is welcome')) },
      onUnreadable: (error) => void told.push(error),
    });
    await expect(door.admit(newKeySecret().reveal())).rejects.toMatchObject({
      ...{ name: 'HttpRefusal', reason: 'keys', status: 503, headers: { 'retry-after': '5' } },
    });
    expect(told).toEqual([short]);
    await expect(door.isGood('0'.repeat(16))).rejects.toBe(short);
  });
});
