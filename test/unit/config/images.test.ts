import { describe, expect, it } from 'vitest';
import { defaultPolicyPath } from '../../../src/config/load.js';
import { complaint, load, rootFile, userFile } from './support/loading.js';

describe('the site’s rules of images', () => {
  it('says what is asked of images in a table, which a list is short for', async () => {
    const table =
      '[images]\nallow = ["docker.io/*"]\npinned = true\nscan = "require"\nmax_severity = "medium"\nmax_age = "3d"';
    const { sitePolicy, origins } = await load({}, { [defaultPolicyPath]: rootFile(table) });
    expect(sitePolicy.images).toEqual(['docker.io/*']);
    const imageRules = {
      pinned: true,
      scan: 'require',
      maxSeverity: 'medium',
      maxScanAgeMs: 259_200_000,
      unscanned: [],
    };
    expect(sitePolicy.imageRules).toEqual(imageRules);
    expect(origins['policy.images.maxSeverity']).toBe(`policy:${defaultPolicyPath}`);
    const { sitePolicy: tighter } = await load(
      {},
      {
        [defaultPolicyPath]: rootFile(table),
        [userFile]: '[policy.images]\nmax_severity = "low"\nmax_age = "1d"\nallow = []',
      },
    );
    expect(tighter.images).toEqual([]);
    expect(tighter.imageRules).toEqual({ ...imageRules, maxSeverity: 'low', maxScanAgeMs: 86_400_000 });
    for (const [line, key] of [
      ['pinned = false', 'images.pinned'],
      ['scan = "warn"', 'images.scan'],
      ['max_severity = "high"', 'images.max_severity'],
      ['max_age = "4d"', 'images.max_age'],
      ['unscanned = ["localhost/*"]', 'images.unscanned'],
    ] as const) {
      const found = { [defaultPolicyPath]: rootFile(table), [userFile]: `[policy.images]\n${line}` };
      expect(await complaint({}, found)).toContain(key);
    }
    // Whoever is not asked for scans may ask for them with exceptions of his own.
    const own = '[policy.images]\nscan = "warn"\nunscanned = ["localhost/*"]\nmax_severity = "critical"';
    const asked = await load({}, { [defaultPolicyPath]: rootFile('images = ["docker.io/*"]'), [userFile]: own });
    expect(asked.sitePolicy.imageRules).toMatchObject({ scan: 'warn', unscanned: ['localhost/*'] });
    expect(await complaint({}, { [userFile]: '[policy.images]\nscan = "sometimes"' })).toContain('policy.images.scan');
  });
});
