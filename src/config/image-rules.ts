import { type ImageRules, scanModes, severityCeilings } from '../core/image-scan.js';
import type { SitePolicy } from '../core/site-policy.js';
import { loosens } from './policy-draft.js';
import type { PolicyFile } from './schema.js';

/** Names of what a table `images` says, besides `allow`. */
export const imageKeys = {
  pinned: 'pinned',
  scan: 'scan',
  max_severity: 'maxSeverity',
  max_age: 'maxScanAgeMs',
  unscanned: 'unscanned',
} as const satisfies Record<string, keyof ImageRules>;

type Given = NonNullable<PolicyFile['images']>;
type Name = keyof typeof imageKeys;

interface Draft {
  readonly policy: SitePolicy;
  readonly origins: Map<string, string>;
}

/** Which images may run and what is asked of them, by one file over the one before. */
export function imagesOf(
  { policy, origins }: Draft,
  given: Given | undefined,
  origin: string,
  onlyTighten: boolean,
): Pick<SitePolicy, 'images' | 'imageRules'> {
  const { allow } = given ?? {};
  if (allow !== undefined) {
    const foreign = allow.find((item) => !policy.images.some((allowed) => covers(allowed, item)));
    if (onlyTighten && foreign !== undefined) loosens('images', foreign, policy.images, origin);
    origins.set('policy.images', origin);
  }
  const before = policy.imageRules;
  const after: Record<string, unknown> = { ...before };
  for (const [name, key] of Object.entries(imageKeys) as [Name, keyof ImageRules][]) {
    const value = given?.[name];
    if (value === undefined) continue;
    if (onlyTighten && isLooser(name, value, before)) loosens(`images.${name}`, value, before[key], origin);
    after[key] = value;
    origins.set(`policy.images.${key}`, origin);
  }
  // It holds only keys of the table above, with the values the schema made for them.
  return { images: allow ?? policy.images, imageRules: after as unknown as ImageRules };
}

function isLooser(name: Name, value: unknown, before: ImageRules): boolean {
  if (name === 'pinned') return before.pinned && value === false;
  const rank = (list: readonly string[], one: unknown) => list.indexOf(String(one));
  if (name === 'scan') return rank(scanModes, value) < rank(scanModes, before.scan);
  // Where nothing was asked of images, whatever is asked now is stricter.
  if (before.scan === 'off') return false;
  if (name === 'max_severity') return rank(severityCeilings, value) > rank(severityCeilings, before.maxSeverity);
  if (name === 'max_age') return Number(value) > before.maxScanAgeMs;
  return !(value as readonly string[]).every((item) => before.unscanned.some((allowed) => covers(allowed, item)));
}

/** Whether everything that an entry of a list names is named by another one already. */
export function covers(allowed: string, item: string): boolean {
  if (!allowed.endsWith('*')) return allowed === item;
  return item.replace(/\*$/, '').startsWith(allowed.slice(0, -1));
}
