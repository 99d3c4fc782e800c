import { ConfigError } from '../core/errors.js';
import type { Layer } from './layers.js';
import type { UserSettings } from './schema.js';

/** Whether what is kept after sessions is encrypted, and where the key is; `[encryption]` of the user's file. */
export interface EncryptionSettings {
  readonly kept: boolean;
  /** At most one of these is there. */
  readonly keyFile: string | undefined;
  readonly credential: string | undefined;
  readonly keyring: string | undefined;
}

/** Names in the file. */
export const encryptionKeys = {
  kept: 'kept',
  key_file: 'keyFile',
  credential: 'credential',
  keyring: 'keyring',
} as const satisfies Record<keyof NonNullable<UserSettings['encryption']>, keyof EncryptionSettings>;

/** All of it from the last layer that says something: a key and what it is for belong together. Errors: BAD_CONFIG. */
export function settleEncryption(
  layers: readonly Layer[],
  origins: Map<string, string>,
  at: (path: string) => string,
): EncryptionSettings {
  const layer = layers.findLast(({ settings }) => settings.encryption !== undefined);
  const { kept = false, key_file, credential, keyring } = layer?.settings.encryption ?? {};
  const keys = [key_file, credential, keyring].filter((key) => key !== undefined).length;
  const origin = layer?.origin('encryption') ?? 'default';
  if (keys > 1 || (kept && keys === 0)) {
    throw new ConfigError('BAD_CONFIG', `${origin}: encryption: name one of key_file, credential and keyring`, {
      info: { key: 'encryption', origin },
    });
  }
  for (const [key, name] of Object.entries(encryptionKeys)) {
    const isSaid = layer?.settings.encryption?.[key as keyof typeof encryptionKeys] !== undefined;
    if (isSaid) origins.set(`encryption.${name}`, origin);
  }
  return { kept, keyFile: key_file === undefined ? undefined : at(key_file), credential, keyring };
}
