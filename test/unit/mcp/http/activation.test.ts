import { describe, expect, it } from 'vitest';
import { takeActivation } from '../../../../src/mcp/http/activation.js';

const ofUs = { LISTEN_PID: '7', LISTEN_FDS: '1' };

describe('a socket that a service manager hands over', () => {
  it.each([
    ['the only one', ofUs, 3],
    ['the only one, whatever it is named', { ...ofUs, LISTEN_FDNAMES: 'x' }, 3],
    ['of several that of our name', { ...ofUs, LISTEN_FDS: '3', LISTEN_FDNAMES: 'x:mcp:y' }, 4],
  ])('is %s', (_, env, fd) => {
    expect(takeActivation({ ...env }, 7)).toEqual({ kind: 'inherited', fd });
  });

  it.each([
    ['that is not there', {}, /no socket/],
    ['of another process', { ...ofUs, LISTEN_PID: '8' }, /process 8/],
    ['without a number', { LISTEN_PID: '7' }, /LISTEN_FDS/],
    ['of no number', { ...ofUs, LISTEN_FDS: '0' }, /LISTEN_FDS/],
    ['of an odd number', { ...ofUs, LISTEN_FDS: '1e1' }, /LISTEN_FDS/],
    ['of several without names', { ...ofUs, LISTEN_FDS: '2' }, /named mcp/],
    ['of several of one name', { ...ofUs, LISTEN_FDS: '2', LISTEN_FDNAMES: 'mcp:mcp' }, /named mcp/],
    ['of a name beyond the number', { ...ofUs, LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b:mcp' }, /named mcp/],
  ])('%s is refused', (_, env, why) => {
    const refusal = expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringMatching(why) });
    expect(() => takeActivation({ ...env }, 7)).toThrow(refusal);
  });

  it('is told to no child, also where it is refused', () => {
    for (const pid of [7, 8]) {
      const env = { ...ofUs, LISTEN_FDNAMES: 'mcp', HOME: '/x' };
      try {
        takeActivation(env, pid);
      } catch {
        // The other test says why.
      }
      expect(env).toEqual({ HOME: '/x' });
    }
  });
});
