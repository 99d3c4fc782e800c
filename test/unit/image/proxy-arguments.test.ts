import { describe, expect, it } from 'vitest';
import { proxyArguments } from '../../../src/image/proxy-arguments.js';

describe('the proxies of a build', () => {
  it('are those of the user, under both spellings, and nothing else of the environment', () => {
    const env = {
      HTTPS_PROXY: 'http://proxy.invalid:3128',
      no_proxy: '.invalid',
      http_proxy: '',
      TOKEN: 'x',
      PATH: '/',
    };
    expect(proxyArguments(env)).toEqual({
      https_proxy: 'http://proxy.invalid:3128',
      HTTPS_PROXY: 'http://proxy.invalid:3128',
      no_proxy: '.invalid',
      NO_PROXY: '.invalid',
    });
  });

  it.each([
    'http://user:secret-word@proxy.invalid:3128',
    'user:secret-word@proxy.invalid',
    'http://token-secret-word@p.invalid',
  ])('are refused with a password in them, which is not repeated', (value) => {
    let thrown: unknown;
    try {
      proxyArguments({ http_proxy: value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'BAD_CONFIG' });
    expect((thrown as Error).message).not.toContain('secret-word');
  });
});
