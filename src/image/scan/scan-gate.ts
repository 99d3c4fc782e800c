import type { ImageRules } from '../../core/image-scan.js';
import type { Clock } from '../../kit/clock.js';
import { endOfLifeText, judgeScan } from '../../policy/image-scan.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import type { ScanStore } from './scan-store.js';

/**
 * Holds the last scan of an image against the site's rules, before a session is made of it. Scans nothing itself: that takes minutes, and another
 * program. Returns what the caller should know; throws PolicyDenied (`image.scan-*`).
 */
export function scanGate(parts: {
  readonly store: ScanStore;
  readonly rules: ImageRules;
  readonly clock: Clock;
}): (reference: string, imageId: string) => Promise<readonly string[]> {
  const { store, rules, clock } = parts;
  return async (reference, imageId) => {
    if (rules.scan === 'off') return [];
    const scan = await store.last(imageId);
    const verdict = judgeScan({ reference, scan, nowMs: clock.now() }, rules);
    if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
    return scan?.isEndOfLife === true ? [...verdict.notes, `image ${reference}: ${endOfLifeText}`] : verdict.notes;
  };
}
