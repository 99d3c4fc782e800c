import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

const source = z.looseObject({ registry: z.string().optional() });
const registry = z.looseObject({ index: z.string().optional() });
const settings = z.looseObject({
  source: z.record(z.string(), source).optional(),
  registries: z.record(z.string(), registry).optional(),
});
const served = z.looseObject({ dl: z.string().optional(), api: z.string().nullish() });

/**
 * The registries in cargo's settings, and those that it has used on this machine: each of its indexes keeps a file that says where its crates
 * come from. Where it was never used there is nothing to read, since cargo shows its defaults nowhere.
 */
export const cargo: Preset = async ({ env, readText }) => {
  const home = env['CARGO_HOME'] ?? join(env['HOME'] ?? '/nonexistent', '.cargo');
  const texts = await Promise.all(['config.toml', 'config'].map((name) => readText(join(home, name))));
  const set = texts.flatMap((text) => (text === undefined ? [] : addressesIn(text)));
  const indexes = join(home, 'registry/index');
  const names = await readdir(indexes).catch(() => []);
  const used = await Promise.all(
    names.map(async (name) => {
      const text = await readText(join(indexes, name, 'config.json'));
      const host = /^([a-z0-9.-]+)-[0-9a-f]{16}$/.exec(name)?.[1];
      return text === undefined || host === undefined ? [] : [`https://${host}`, ...crates(text)];
    }),
  );
  const rules = rulesFor([...set, ...used.flat()]);
  return rules.length === 0 ? undefined : rules;
};

function addressesIn(text: string): readonly (string | undefined)[] {
  try {
    const { source: sources = {}, registries = {} } = settings.parse(parse(text));
    return [...Object.values(sources).map((one) => one.registry), ...Object.values(registries).map((one) => one.index)];
  } catch {
    return [];
  }
}

function crates(text: string): readonly (string | undefined)[] {
  try {
    const { dl, api } = served.parse(JSON.parse(text));
    return [dl?.replace(/\{.*$/, ''), api ?? undefined];
  } catch {
    return [];
  }
}
