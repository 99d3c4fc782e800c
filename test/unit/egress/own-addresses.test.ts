import { describe, expect, it } from 'vitest';
import { systemOwn } from '../../../src/egress/own-addresses.js';
import { readAddress } from '../../../src/policy/egress/address.js';

describe('the addresses of the host', () => {
  it('are those of its interfaces, in the one spelling that is judged', () => {
    const own = systemOwn();
    expect(own).toContain('127.0.0.1');
    for (const text of own) expect(readAddress(text)?.text).toBe(text);
  });
});
