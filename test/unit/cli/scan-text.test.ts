import { describe, expect, it } from 'vitest';
import { scanText } from '../../../src/cli/scan-text.js';
import type { ImageScan } from '../../../src/core/image-scan.js';
import { finding, summed } from '../../../src/image/scan/findings.js';

const found = Array.from({ length: 60 }, (_, i) =>
  finding({
    id: `CVE-${i}`,
    severity: i < 2 ? 'high' : 'low',
    package: 'p',
    installed: '1',
    fixedIn: i === 0 ? '2' : '',
  }),
);
const scan: ImageScan = {
  ...{ imageId: `sha256:${'ab'.repeat(32)}`, reference: 'docker.io/library/x:1', scannedAtMs: 1000 },
  ...{ scanner: { name: 'trivy' }, isRecognised: true, isEndOfLife: false, ...summed(found) },
};
const allowed = { verdict: 'allow', notes: [] } as const;

describe('a scan for people', () => {
  it('says when, by what, how many of which severity, and the worst of them', () => {
    const lines = scanText(scan, allowed, 'require', 61_000).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'docker.io/library/x:1  abababababab',
      'scanned 1m ago by trivy',
      '2 high (1 fixable), 58 low (0 fixable)',
    ]);
    expect(lines[4]).toMatch(/^high +CVE-0 +p +1 +2$/);
    expect(lines.at(-2)).toBe('and 20 more, all of them with --json');
    expect(lines.at(-1)).toBe('policy: has nothing against it');
  });

  it('says how old what the scanner knew was', () => {
    const known = { ...scan, scannedAtMs: 7_201_000, databaseAtMs: 1000 };
    expect(scanText(known, allowed, 'require', 7_261_000)).toContain('1m ago by trivy, whose database was 2h old');
    const ahead = { ...known, databaseAtMs: 7_300_000 };
    expect(scanText(ahead, allowed, 'require', 7_261_000)).toContain('whose database says that it is of the future');
  });

  it('does not say that a policy has nothing against it which asks for no scans', () => {
    expect(scanText(scan, allowed, 'off', 61_000)).toMatch(/asks nothing of scans \(images\.scan = off\)$/);
    const denied = { verdict: 'deny', ruleId: 'image.scan-age', reason: 'old', hint: 'again' } as const;
    expect(scanText(scan, denied, 'require', 61_000)).toMatch(
      /no session is made of it: old \(rule image\.scan-age\)$/,
    );
  });

  it('does not pass off that nothing was known as that nothing was found', () => {
    const unknown = { ...scan, ...summed([]), isRecognised: false, isEndOfLife: true };
    const text = scanText(unknown, allowed, 'warn', 61_000);
    expect(text).toContain('knows nothing of what is in it');
    expect(text).toContain('repaired no more, or not known yet');
  });
});
