import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.js';
import { loadConfig } from '../../../src/config/load.js';

const userFile = '/home/ada/.config/paddock/config.toml';

function settings(text: string) {
  const found = { text: `[alerts]\n${text}`, ownerUid: 1000, mode: 0o644 };
  const readFile = (path: string) => Promise.resolve(path === userFile ? found : undefined);
  const effects = { readFile, readFolder: () => Promise.resolve(undefined) };
  return loadConfig({ env: {}, flags: {}, homeDir: '/home/ada', uid: 1000, effects });
}

describe('where alarms are sent on to', () => {
  it('is nowhere unless the user says so', async () => {
    expect((await settings('')).alerts).toEqual({
      ...{ webhook: undefined, webhookKeyFile: undefined, desktop: false, level: 'warning' },
    });
  });

  it('is what the user’s file says, without ever showing the webhook', async () => {
    const config = await settings(
      'webhook = "https://hooks.example/T0KEN"\nwebhook_key_file = "~/key"\ndesktop = true\nlevel = "critical"',
    );
    const { webhook, ...others } = config.alerts;
    expect(webhook?.reveal()).toBe('https://hooks.example/T0KEN');
    expect(others).toEqual({ webhookKeyFile: '/home/ada/key', desktop: true, level: 'critical' });
    const described = describeConfig(config);
    expect(JSON.stringify(described)).not.toContain('T0KEN');
    expect(described.settings.find(({ key }) => key === 'alerts.desktop')?.origin).toBe(`file:${userFile}`);
  });

  it.each(['http://127.0.0.1:8080/x', 'http://[::1]:1/', 'https://127.0.0.1/'])('may be %s', async (url) => {
    expect((await settings(`webhook = "${url}"`)).alerts.webhook?.reveal()).toBe(url);
  });

  it.each([
    ...['http://hooks.example/', 'http://localhost/', 'http://127.0.0.1.example/', 'http://10.0.0.1/'],
    ...['ftp://127.0.0.1/', 'file:///etc/passwd', 'hooks.example', 'https://ann:pw@hooks.example/'],
  ])('may not be %s', async (url) => {
    const refused = { code: 'BAD_CONFIG', message: expect.stringContaining('alerts.webhook') };
    await expect(settings(`webhook = "${url}"`)).rejects.toMatchObject(refused);
  });
});
