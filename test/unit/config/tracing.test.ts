import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';

const userFile = '/home/ada/.config/paddock/config.toml';

async function settings(text: string, env: Readonly<Record<string, string>> = {}) {
  const found = { text, ownerUid: 1000, mode: 0o644 };
  const readFile = (path: string) => Promise.resolve(path === userFile ? found : undefined);
  const effects = { readFile, readFolder: () => Promise.resolve(undefined) };
  return (await loadConfig({ env, flags: {}, homeDir: '/home/ada', uid: 1000, effects })).tracing;
}

const usual = { serviceName: 'paddock', sampler: 'parentbased_always_on', ratio: 1 };
const others = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example:4318/x/', OTEL_SERVICE_NAME: 'sheep' };

describe('traces of calls', () => {
  it('are made only where the user’s own file says so, whatever variables are meant for other programs', async () => {
    expect(await settings('', others)).toBeUndefined();
    expect(await settings('[tracing]\nservice_name = "x"', others)).toBeUndefined();
    expect(await settings('[tracing]\nenabled = false\nendpoint = "http://127.0.0.1:1"')).toBeUndefined();
    expect(await settings('[tracing]\nenabled = true', { OTEL_SDK_DISABLED: 'True' })).toBeUndefined();
  });

  it('go to where the file says, else where OpenTelemetry’s variables do, else to the loopback', async () => {
    const endpoint = '[tracing]\nendpoint = "http://127.0.0.1:4000/"';
    expect(await settings('[tracing]\nenabled = true')).toEqual({ url: 'http://127.0.0.1:4318/v1/traces', ...usual });
    expect(await settings(endpoint, others)).toMatchObject({ url: 'http://127.0.0.1:4000/v1/traces' });
    const on = '[tracing]\nenabled = true';
    expect(await settings(on, others)).toEqual({
      ...{ ...usual, url: 'https://otel.example:4318/x/v1/traces', serviceName: 'sheep' },
    });
    const whole = { ...others, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:9/in' };
    expect(await settings(on, whole)).toMatchObject({ url: 'http://localhost:9/in' });
    expect(await settings(endpoint, whole)).toMatchObject({ url: 'http://127.0.0.1:4000/v1/traces' });
  });

  it('are made of as many calls as is said', async () => {
    const env = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    expect(await settings('[tracing]\nenabled = true', env)).toMatchObject({ sampler: 'traceidratio', ratio: 0.1 });
    const said = '[tracing]\nenabled = true\nsampler = "always_off"\nratio = 0.5';
    expect(await settings(said, env)).toMatchObject({ sampler: 'always_off', ratio: 0.5 });
  });

  it.each(['http://otel.example:4318', 'http://127.0.0.1.example/', 'http://10.0.0.1/'])(
    'go to %s only where plain HTTP is allowed',
    async (url) => {
      const text = `[tracing]\nendpoint = "${url}"`;
      const refused = { code: 'BAD_CONFIG', message: expect.stringContaining('tracing.endpoint') };
      await expect(settings(text)).rejects.toMatchObject(refused);
      expect((await settings(`${text}\nplain_http = true`))?.url).toContain(url.replace(/\/$/, ''));
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
      const wrong = { code: 'BAD_CONFIG', message: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT') };
      await expect(settings('[tracing]\nenabled = true', env)).rejects.toMatchObject(wrong);
    },
  );

  it.each([
    ...['endpoint = "ftp://127.0.0.1/"', 'endpoint = "127.0.0.1:4318"', 'endpoint = "https://a:b@otel.example/"'],
    ...['endpoint = "https://otel.example/?token=x"', 'ratio = 1.5', 'sampler = "jaeger_remote"', 'headers = "x"'],
  ])('are not made where it says %s', async (text) => {
    await expect(settings(`[tracing]\n${text}`)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it.each([
    { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    { OTEL_TRACES_SAMPLER_ARG: 'half' },
    { OTEL_TRACES_SAMPLER_ARG: '-1' },
  ])('are not made by a variable that says %j', async (env) => {
    const refused = { code: 'BAD_CONFIG', message: expect.stringContaining(Object.keys(env)[0] ?? '') };
    await expect(settings('[tracing]\nenabled = true', env)).rejects.toMatchObject(refused);
  });
});
