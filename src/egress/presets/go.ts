import { z } from 'zod';
import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

const answer = z.object({ GOPROXY: z.string(), GOSUMDB: z.string() });

/** Go's module proxies and its checksum database. `direct` stands for the hosts of the modules themselves, which no setting lists. */
export const go: Preset = async ({ ask, signal }) => {
  const text = await ask(['go', 'env', '-json', 'GOPROXY', 'GOSUMDB'], signal);
  if (text === undefined) return undefined;
  try {
    const { GOPROXY, GOSUMDB } = answer.parse(JSON.parse(text));
    // `name`, `name+key`, or either with an address behind it.
    const [database = '', address] = GOSUMDB.split(/\s+/);
    const sums =
      address ?? (database === 'off' || database === '' ? undefined : `https://${database.split('+')[0] ?? ''}`);
    return rulesFor([...GOPROXY.split(/[,|]/), sums]);
  } catch {
    return undefined;
  }
};
