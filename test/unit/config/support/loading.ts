import { expect } from 'vitest';
import type { ConfigEffects, FoundFile } from '../../../../src/config/effects.js';
import { type Config, type ConfigInput, loadConfig } from '../../../../src/config/load.js';
import { PaddockError } from '../../../../src/core/errors.js';

export const userFile = '/home/ada/.config/paddock/config.toml';

/** Files that exist only here. */
function files(found: Readonly<Record<string, string | FoundFile>>): ConfigEffects {
  return {
    readFile: async (path) => {
      const file = found[path];
      return await Promise.resolve(typeof file === 'string' ? { text: file, ownerUid: 1000, mode: 0o644 } : file);
    },
    readFolder: () => Promise.resolve(undefined),
  };
}

export function rootFile(text: string): FoundFile {
  return { text, ownerUid: 0, mode: 0o644 };
}

export async function load(
  changes: Partial<ConfigInput> = {},
  found: Parameters<typeof files>[0] = {},
): Promise<Config> {
  return await loadConfig({ env: {}, flags: {}, homeDir: '/home/ada', uid: 1000, effects: files(found), ...changes });
}

/** The message of the BAD_CONFIG that loading ends with. */
export async function complaint(
  changes: Partial<ConfigInput>,
  found: Parameters<typeof files>[0] = {},
): Promise<string> {
  const error: unknown = await load(changes, found).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PaddockError);
  expect(error).toMatchObject({ code: 'BAD_CONFIG', name: 'ConfigError' });
  return (error as PaddockError).message;
}
