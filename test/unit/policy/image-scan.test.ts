import { describe, expect, it } from 'vitest';
import type { ImageRules, ImageScan } from '../../../src/core/image-scan.js';
import { finding, summed } from '../../../src/image/scan/findings.js';
import { decideScan, judgeScan } from '../../../src/policy/image-scan.js';
import { ruleOf } from './support/context.js';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 23);
const reference = 'docker.io/library/x:1';
const rules: ImageRules = {
  ...{ pinned: false, scan: 'require', maxSeverity: 'medium', maxScanAgeMs: 7 * dayMs, unscanned: ['localhost/*'] },
};

function scanOf(severitiesFound: readonly string[], changes: Partial<ImageScan> = {}): ImageScan {
  const findings = severitiesFound.map((severity, i) =>
    finding({ id: `CVE-${i}`, severity, package: 'p', installed: '1', fixedIn: i === 0 ? '2' : undefined }),
  );
  return {
    ...{ imageId: 'a'.repeat(64), reference, scanner: { name: 'trivy' }, scannedAtMs: nowMs - dayMs },
    ...{ isRecognised: true, isEndOfLife: false, ...summed(findings), ...changes },
  };
}

const ruleFor = (scan: ImageScan | undefined, changes: Partial<ImageRules> = {}, name = reference): string => {
  const verdict = judgeScan({ reference: name, scan, nowMs }, { ...rules, ...changes });
  return verdict.verdict === 'deny' ? verdict.ruleId : 'allow';
};

describe('the gate', () => {
  it.each([
    ['none', undefined, {}, 'image.scan-missing'],
    ['a clean one', scanOf([]), {}, 'allow'],
    [
      'a clean one of an image that the scanner knows nothing of',
      scanOf([], { isRecognised: false }),
      {},
      'image.scan-missing',
    ],
    ['one with what is allowed', scanOf(['low', 'medium']), {}, 'allow'],
    ['one with more', scanOf(['low', 'high']), {}, 'image.scan-severity'],
    ['one with what could not be rated, where medium is allowed', scanOf(['odd']), {}, 'allow'],
    [
      'one with what could not be rated, where low is allowed',
      scanOf(['odd']),
      { maxSeverity: 'low' },
      'image.scan-severity',
    ],
    ['one with anything, where nothing is allowed', scanOf(['low']), { maxSeverity: 'none' }, 'image.scan-severity'],
    [
      'one with everything, where everything is allowed',
      scanOf(['critical', 'odd']),
      { maxSeverity: 'critical' },
      'allow',
    ],
    ['an old one', scanOf([], { scannedAtMs: nowMs - 8 * dayMs }), {}, 'image.scan-age'],
    ['one by a database that is old', scanOf([], { databaseAtMs: nowMs - 8 * dayMs }), {}, 'image.scan-age'],
    ['one by a database of yesterday', scanOf([], { databaseAtMs: nowMs - dayMs }), {}, 'allow'],
    ['one by a database of the future', scanOf([], { databaseAtMs: nowMs + dayMs }), {}, 'image.scan-age'],
    ['one of the future', scanOf([], { scannedAtMs: nowMs + dayMs }), {}, 'image.scan-age'],
    ['none, where it is off', undefined, { scan: 'off' }, 'allow'],
    ['none, where it warns', undefined, { scan: 'warn' }, 'allow'],
  ] as const)('with %s', (_what, scan, changes, rule) => {
    expect(ruleFor(scan, changes)).toBe(rule);
  });

  it('says how many, how many can be repaired, and which', () => {
    const verdict = judgeScan({ reference, scan: scanOf(['high', 'critical', 'high']), nowMs }, rules);
    expect(verdict).toMatchObject({
      reason: `image ${reference} has 1 critical (0 fixable), 2 high (1 fixable): CVE-1, CVE-0, CVE-2`,
      hint: expect.stringContaining('--last') as unknown,
    });
  });

  it('lets pass what the site lists, and only warns where it says so', () => {
    expect(ruleFor(undefined, {}, 'localhost/mine:1')).toBe('allow');
    const warned = judgeScan({ reference, scan: undefined, nowMs }, { ...rules, scan: 'warn' });
    expect(warned).toMatchObject({ notes: [expect.stringMatching(/has not been scanned.*image\.scan-missing/)] });
  });
});

describe('what can be scanned', () => {
  it('is any image by its full name, and not host', () => {
    expect(decideScan(reference)).toMatchObject({ isApplicable: true });
    expect(decideScan('host')).toMatchObject({ isApplicable: false });
    expect(decideScan('node:22')).toMatchObject({ ruleId: 'image.reference' });
    expect(decideScan('/etc/passwd')).toMatchObject({ ruleId: 'image.reference' });
  });
});

describe('images that have to be pinned', () => {
  const site = { images: ['*'], imageRules: { ...rules, pinned: true } };
  it.each([
    ['docker.io/library/x:1', 'image.not-pinned'],
    ['localhost:5000/x:1', 'image.not-pinned'],
    [`docker.io/library/x@sha256:${'a'.repeat(64)}`, 'allow'],
    [`docker.io/library/x:1@sha256:${'a'.repeat(64)}`, 'allow'],
    ['localhost/x:1', 'allow'],
    ['host', 'allow'],
  ])('%s', (image, rule) => {
    expect(ruleOf({ image }, site)).toBe(rule);
  });
});
