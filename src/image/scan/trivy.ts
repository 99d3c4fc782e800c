import { z } from 'zod';
import { finding, type ScannerReport, timeOf } from './findings.js';

/** Of `trivy image --format json --list-all-pkgs`, SchemaVersion 2. Empty lists are left out or null, as Go writes them. */
const document = z.object({
  SchemaVersion: z.literal(2),
  Trivy: z.object({ Version: z.string().optional() }).nullish(),
  Metadata: z.object({ OS: z.object({ EOSL: z.boolean().optional() }).nullish() }).nullish(),
  Results: z
    .array(
      z.object({
        Packages: z.array(z.unknown()).nullish(),
        Vulnerabilities: z
          .array(
            z.object({
              VulnerabilityID: z.string(),
              PkgName: z.string().optional(),
              InstalledVersion: z.string().optional(),
              FixedVersion: z.string().optional(),
              Severity: z.string().optional(),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
});

export function readTrivy(json: unknown): ScannerReport {
  const { Trivy, Metadata, Results } = document.parse(json);
  return {
    version: Trivy?.Version,
    // Not by the distribution: an image that says which it is, and whose package database was removed, gets the answer of one without a hole.
    isRecognised: (Results ?? []).some(
      ({ Packages, Vulnerabilities }) => (Packages ?? []).length + (Vulnerabilities ?? []).length > 0,
    ),
    isEndOfLife: Metadata?.OS?.EOSL === true,
    findings: (Results ?? []).flatMap(({ Vulnerabilities }) =>
      (Vulnerabilities ?? []).map((one) =>
        finding({
          id: one.VulnerabilityID,
          severity: one.Severity,
          package: one.PkgName,
          installed: one.InstalledVersion,
          fixedIn: one.FixedVersion,
        }),
      ),
    ),
  };
}

/** Of `trivy --version --format json`: only newer ones say their version in the document, and none from when its database is. */
const about = z.object({
  Version: z.string().optional(),
  VulnerabilityDB: z.object({ UpdatedAt: z.string().optional() }).nullish(),
});

export function readTrivyVersion(json: unknown): Pick<ScannerReport, 'version' | 'databaseAtMs'> {
  const { Version, VulnerabilityDB } = about.parse(json);
  return { version: Version, databaseAtMs: timeOf(VulnerabilityDB?.UpdatedAt) };
}
