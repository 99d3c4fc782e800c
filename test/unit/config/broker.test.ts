import { describe, expect, it } from 'vitest';
import { defaultPolicyPath } from '../../../src/config/load.js';
import { complaint, load, rootFile, userFile } from './support/loading.js';

describe('what the credential broker may be used for', () => {
  const site = {
    [defaultPolicyPath]: rootFile(
      '[broker]\nproviders = ["anthropic", "openai"]\ncost = "2.50"\nenvironment = false\n',
    ),
  };
  const own = (line: string) => ({ ...site, [userFile]: `[policy.broker]\n${line}\n` });

  it('is all four providers by the keys of the environment, without caps, where nobody says otherwise', async () => {
    expect((await load()).sitePolicy.broker).toEqual({
      ...{ providers: ['anthropic', 'openai', 'google', 'bedrock'], environment: true, serverTools: [] },
      ...{ git: {}, routes: {}, bytes: 20 * 1024 ** 3 },
    });
  });

  it('is the site’s to say, and the user’s to narrow', async () => {
    const { sitePolicy, origins } = await load({}, own('providers = ["openai"]\ncost = 2\ntokens = 1000'));
    expect(sitePolicy.broker).toEqual({
      ...{ providers: ['openai'], environment: false, serverTools: [], tokens: 1000, costCents: 200 },
      ...{ git: {}, routes: {}, bytes: 20 * 1024 ** 3 },
    });
    expect(origins['policy.broker.costCents']).toBe(`file:${userFile}`);
    expect(origins['policy.broker.environment']).toBe(`policy:${defaultPolicyPath}`);
  });

  it.each(['providers = ["google"]', 'environment = true', 'cost = 3', 'server_tools = ["web_search"]'])(
    'is not widened by the user’s %s',
    async (line) => {
      expect(await complaint({}, own(line))).toContain('is looser than the policy');
    },
  );

  const sited = (text: string) => ({ [defaultPolicyPath]: rootFile(text) });
  const git = (text: string) => `[broker.git."code.test"]\n${text}\n`;
  const route = (text: string) => `[broker.routes.tickets]\n${text}\n`;
  const wholeRoute = 'token = "T"\nupstream = "https://t.test/api"\nallow = ["GET /v1/*", "POST /v1/x"]';

  it('has the git hosts and routes that somebody names, with what is usual for the rest', async () => {
    const text = `${git('token_file = "~/code-token"')}${route(wholeRoute)}`;
    const { sitePolicy } = await load({}, { [userFile]: text.replaceAll('[broker.', '[policy.broker.') });
    expect(sitePolicy.broker.git).toEqual({
      'code.test': { tokenFile: '/home/ada/code-token', repositories: ['**'], push: false },
    });
    expect(sitePolicy.broker.routes).toEqual({
      tickets: {
        ...{ token: 'T', upstream: 'https://t.test/api', header: 'authorization', prefix: 'Bearer ' },
        allow: [
          { method: 'GET', path: '/v1/*' },
          { method: 'POST', path: '/v1/x' },
        ],
        passHeaders: [],
      },
    });
    const keyed = await load({}, sited(route(`${wholeRoute}\nheader = "X-Api-Key"\npass_headers = ["X-Version"]`)));
    expect(keyed.sitePolicy.broker.routes['tickets']).toMatchObject({
      ...{ header: 'x-api-key', prefix: '', passHeaders: ['x-version'] },
    });
  });

  const siteText = `${git('token = "CODE"\nrepositories = ["team/**"]\npush = true')}${route(wholeRoute)}`;
  const narrowed = (text: string) => ({
    ...sited(siteText),
    [userFile]: text.replaceAll('[broker.', '[policy.broker.'),
  });

  it('lets a user narrow the site’s git hosts and routes, and leaves the rest of them as it is', async () => {
    const { sitePolicy } = await load({}, narrowed(git('push = false\nrepositories = ["team/tool"]')));
    expect(sitePolicy.broker.git['code.test']).toEqual({ token: 'CODE', repositories: ['team/tool'], push: false });
    const other = await load({}, narrowed(route('allow = ["GET /v1/*"]')));
    expect(other.sitePolicy.broker.routes['tickets']?.allow).toEqual([{ method: 'GET', path: '/v1/*' }]);
    expect(other.sitePolicy.broker.git).toHaveProperty(['code.test', 'push'], true);
  });

  it.each([
    git('repositories = ["**"]'),
    git('token = "OTHER"'),
    git('token_file = "/home/ada/token"'),
    git('user = "other"'),
    git('upstream = "https://elsewhere.test"'),
    git('ca_file = "/home/ada/ca.pem"'),
    git('token = "CODE"').replace('code.test', 'other.test'),
    route('allow = ["DELETE /v1/x"]'),
    route('upstream = "https://elsewhere.test"'),
    route('header = "x-other"'),
    route('pass_headers = ["x-more"]'),
    route(wholeRoute).replace('tickets', 'others'),
  ])('is not widened by a user’s %s', async (text) => {
    expect(await complaint({}, narrowed(text))).toContain('is looser than the policy');
  });

  it.each([
    [git('token = "ghp_0123456789abcdef"'), 'no name of a variable'],
    [git('push = true'), 'lacks token'],
    [git('token = "A"\ntoken_file = "/b"'), 'one is enough'],
    [git('token = "A"').replace('code.test', 'Code.test'), 'Code.test'],
    [git('token = "A"').replace('code.test', '*.test'), '*.test'],
    [git('token = "A"\nrepositories = ["a/../b"]'), 'repositories'],
    [git('token = "A"\nupstream = "http://code.test"'), 'must be https'],
    [git('token = "A"\nupstream = "https://me:pass@code.test"'), 'holds a user'],
    [route('token = "A"\nallow = ["GET /v1"]'), 'lacks upstream'],
    [route('token = "A"\nupstream = "https://t.test"'), 'lacks allow'],
    [route(wholeRoute).replace('GET', 'get'), 'GET /v1/thing'],
    [route(wholeRoute).replace('/v1/*', '/v1/**'), 'GET /v1/thing'],
    [route(wholeRoute).replace('tickets', 'anthropic'), 'anthropic'],
    [route(`${wholeRoute}\nheader = "host"`), 'header'],
    [route(`${wholeRoute}\npass_headers = ["authorization"]`), 'pass_headers'],
  ])('has no git hosts or routes such as %s', async (text, said) => {
    const message = await complaint({}, sited(text));
    expect(message).toContain(said);
    expect(message).not.toMatch(/ghp_|me:pass/);
  });

  it.each(['providers = ["acme"]', 'cost = 0', 'cost = "1.234"', 'key = "x"'])('is refused as %s', async (line) => {
    expect(await complaint({}, own(line))).toContain('config.toml');
  });
});
