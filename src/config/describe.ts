import { formatBytes, formatDuration } from '../core/units.js';
import type { Config } from './load.js';

/** One value in effect, for `paddock config show`. */
export interface DescribedSetting {
  readonly key: string;
  /** As it is, in the unit of the key's name; for JSON. */
  readonly value: unknown;
  /** With its unit, for people. */
  readonly text: string;
  readonly origin: string;
}

export interface DescribedConfig {
  readonly settings: readonly DescribedSetting[];
  readonly warnings: readonly string[];
}

/** Every value of a Config with its origin, in a fixed order. */
export function describeConfig(config: Config): DescribedConfig {
  const { sitePolicy, profiles, origins, warnings, audit, alerts, ...plain } = config;
  const { ceilings, defaults, alarms, admission, egress, broker, imageRules, ...rules } = sitePolicy;
  const group = (values: object, prefix: string, originPrefix = '') =>
    Object.entries(values).map(([name, value]: [string, unknown]) => ({
      key: `${prefix}${name}`,
      // JSON has no undefined; a setting that is not set is still listed.
      value: value ?? null,
      text: describeValue(name, value),
      origin: origins[`${originPrefix}${name}`] ?? 'default',
    }));
  return {
    settings: [
      ...group({ ...plain, profiles: profiles.map(({ name }) => name) }, ''),
      ...group(audit, 'audit.', 'audit.'),
      ...Object.entries(alerts).map(([name, value]: [string, unknown]) => ({
        ...{ key: `alerts.${name}`, value: value ?? null, text: describeValue(name, value) },
        origin: origins['alerts'] ?? 'default',
      })),
      ...group(rules, 'policy.', 'policy.'),
      ...group(imageRules, 'policy.images.', 'policy.images.'),
      ...group(egress, 'policy.egress.', 'policy.egress.'),
      ...group(broker, 'policy.broker.', 'policy.broker.'),
      ...group(ceilings, 'policy.ceilings.', 'ceilings.'),
      ...group(admission, 'policy.admission.', 'admission.'),
      ...group(alarms, 'policy.alarms.', 'alarms.'),
      ...group(defaults, 'defaults.', 'defaults.'),
    ],
    warnings,
  };
}

/** A value with its unit, by the name that carries it. */
export function describeValue(name: string, value: unknown): string {
  if (value === undefined) return 'not set';
  if (Array.isArray(value)) return value.join(', ') || 'none';
  if (value === Number.MAX_SAFE_INTEGER) return 'not limited';
  if (typeof value === 'number' && name.endsWith('Bytes')) return formatBytes(value);
  if (typeof value === 'number' && name.endsWith('Ms')) return formatDuration(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
