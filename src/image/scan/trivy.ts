import { z } from 'zod';
import { finding, type ScannerReport } from './findings.js';

/** Of `trivy image --format json`, SchemaVersion 2. Empty lists are left out or null, as Go writes them. */
const document = z.object({
  SchemaVersion: z.literal(2),
  Trivy: z.object({ Version: z.string().optional() }).nullish(),
  Metadata: z
    .object({ OS: z.object({ Family: z.string().optional(), EOSL: z.boolean().optional() }).nullish() })
    .nullish(),
  Results: z
    .array(
      z.object({
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
  const family = Metadata?.OS?.Family ?? '';
  return {
    version: Trivy?.Version,
    // `none` is what it calls an image in which it knows no distribution.
    isRecognised: (family !== '' && family !== 'none') || (Results ?? []).length > 0,
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
