import { getProfileName, parseKnownFiles } from '@smithy/core/config';

/**
 * The region that AWS's settings files of this user name for a profile; without a name, for the one that AWS's tools would take. Undefined where
 * they name none or can't be read: then the region is asked for.
 */
export async function profileRegion(profile: string | undefined): Promise<string | undefined> {
  const named = profile === undefined ? {} : { profile };
  try {
    // As they are now: the server runs for weeks.
    const profiles = await parseKnownFiles({ ...named, ignoreCache: true });
    return profiles[getProfileName(named)]?.['region'];
  } catch {
    return undefined;
  }
}
