import { expect, it } from 'vitest';
import { egressPorts } from '../../../../src/core/egress.js';
import { isGitHost, withGitSettings, withoutGitSettings } from '../../../../src/policy/broker/git-hosts.js';

const place = 'http://127.0.0.1:61200/git/code.test';

it('the settings of git count on from those that the environment has already', () => {
  const before = { GIT_CONFIG_COUNT: '2', GIT_CONFIG_KEY_0: 'a.b', GIT_CONFIG_VALUE_0: 'c', GIT_CONFIG_KEY_1: 'd.e' };
  expect(withGitSettings(before, { 'code.test': place })).toEqual({
    ...before,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: '6',
    GIT_CONFIG_KEY_2: `url.${place}/.insteadOf`,
    GIT_CONFIG_VALUE_2: 'https://code.test/',
    GIT_CONFIG_KEY_3: `url.${place}/.insteadOf`,
    GIT_CONFIG_VALUE_3: 'https://git@code.test/',
    GIT_CONFIG_KEY_4: `url.${place}/.insteadOf`,
    GIT_CONFIG_VALUE_4: 'git@code.test:',
    GIT_CONFIG_KEY_5: `url.${place}/.insteadOf`,
    GIT_CONFIG_VALUE_5: 'ssh://git@code.test/',
  });
});

it('the settings of git begin anew where the count there is none, and whether git may ask stays as it was', () => {
  for (const count of ['', 'x', '-1', '1e9', '1.5']) {
    const env = withGitSettings({ GIT_CONFIG_COUNT: count, GIT_TERMINAL_PROMPT: '1' }, { 'code.test': place });
    expect(env).toMatchObject({
      GIT_CONFIG_COUNT: '4',
      GIT_TERMINAL_PROMPT: '1',
      GIT_CONFIG_KEY_0: expect.any(String),
    });
  }
  const env = { GIT_CONFIG_COUNT: 'x' };
  expect(withGitSettings(env, {})).toBe(env);
});

it('the port of a git host is that of https, and not that of ssh', () => {
  const env = withGitSettings({}, { 'code.test:8443': place });
  const values = Object.entries(env).flatMap(([name, value]) => (name.includes('VALUE') ? [value] : []));
  expect(values).toEqual([
    ...['https://code.test:8443/', 'https://git@code.test:8443/'],
    ...['git@code.test:', 'ssh://git@code.test/'],
  ]);
});

it.each(['code.test', 'code', 'code.test:8443', '127.0.0.1:80', 'xn--bcher-kva.example'])(
  '%s is a git host',
  (text) => {
    expect(isGitHost(text)).toBe(true);
  },
);

it.each(['', 'Code.test', 'code.test:0', 'code.test:65536', '*.test', '*', 'a/b', '10.0.0.0/8', '127.1', 'code.test.'])(
  '%s is no git host',
  (text) => {
    expect(isGitHost(text)).toBe(false);
  },
);

it('the settings of git can be taken out of an environment again, and those it had stay', () => {
  const places = { 'code.example': `http://127.0.0.1:${egressPorts.broker}/git/code.example` };
  const own = {
    A: 'b',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'a.b',
    GIT_CONFIG_VALUE_0: 'c',
  };
  expect(withoutGitSettings(withGitSettings(own, places))).toEqual(own);
  expect(withoutGitSettings(withGitSettings({ A: 'b' }, places))).toEqual({ A: 'b', GIT_TERMINAL_PROMPT: '0' });
  expect(withoutGitSettings(own)).toBe(own);
});
