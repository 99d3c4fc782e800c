import type { Json, JsonObject } from '../json.js';
import { deny } from '../verdict.js';
import type { Wishes } from '../wishes.js';
import { fixedOptions } from './fixed.js';
import { foldKeys } from './fold.js';
import { identityOptions } from './identity.js';
import { mountOptions } from './mounts.js';
import type { DockerOption } from './option.js';
import { resourceOptions } from './resources.js';
import { securityOptions } from './security.js';
import { ulimitOptions } from './ulimits.js';

/** Every option of Docker's create call that is understood, be it only to refuse it. */
export function dockerOptions(): readonly DockerOption[] {
  return [
    ...resourceOptions,
    ...ulimitOptions,
    ...securityOptions,
    ...identityOptions,
    ...mountOptions,
    ...fixedOptions(),
  ];
}

/**
 * Reads `dockerOpts` into wishes. Keys are taken in any casing, flat or under `HostConfig`; unknown ones and every kind
 * of duplicate are refused. Returns the options by canonical name for checks that need the finished plan.
 */
export function parseDockerOpts(
  opts: JsonObject,
  wishes: Wishes,
  sandboxUsers: readonly string[],
): ReadonlyMap<string, Json> {
  const known = dockerOptions();
  const options = flatten(opts, known);
  for (const { name, apply } of known) {
    const value = options.get(name);
    if (value !== undefined) apply(value, { wishes, options, sandboxUsers });
  }
  return options;
}

function flatten(opts: JsonObject, known: readonly DockerOption[]): ReadonlyMap<string, Json> {
  const flat = foldKeys(opts, [...known.map(({ name }) => name), 'HostConfig'], 'dockerOpts');
  const options = new Map(flat);
  options.delete('HostConfig');
  const nested = flat.get('HostConfig');
  if (nested === undefined) return options;
  const hostNames = known.filter(({ inHostConfig }) => inHostConfig).map(({ name }) => name);
  for (const [name, value] of foldKeys(nested, hostNames, 'dockerOpts.HostConfig')) {
    if (options.has(name)) deny('docker-opts.duplicate-key', `${name} stands both flat and under HostConfig`);
    options.set(name, value);
  }
  return options;
}
