import { z } from 'zod';
import { finding, type ScannerReport, timeOf } from './findings.js';

/** Of `grype -o json`. `fix` has been there since 0.12. */
const document = z.object({
  matches: z.array(
    z.object({
      vulnerability: z.object({
        id: z.string(),
        severity: z.string().optional(),
        fix: z.object({ versions: z.array(z.string()).nullish(), state: z.string().optional() }).nullish(),
      }),
      relatedVulnerabilities: z.array(z.object({ id: z.string() })).nullish(),
      artifact: z.object({ name: z.string(), version: z.string().optional() }),
    }),
  ),
  distro: z.object({ name: z.string().optional() }).nullish(),
  descriptor: z.object({
    name: z.literal('grype'),
    version: z.string().optional(),
    /** `built` in older ones. */
    db: z
      .object({ built: z.string().optional(), status: z.object({ built: z.string().optional() }).nullish() })
      .nullish(),
  }),
});

export function readGrype(json: unknown): ScannerReport {
  const { matches, distro, descriptor } = document.parse(json);
  return {
    version: descriptor.version,
    databaseAtMs: timeOf(descriptor.db?.status?.built ?? descriptor.db?.built),
    isRecognised: (distro?.name ?? '') !== '' || matches.length > 0,
    isEndOfLife: false,
    findings: matches.map(({ vulnerability: { id, severity, fix }, relatedVulnerabilities, artifact }) =>
      finding({
        // Of languages' packages it names GitHub's advisory, and the CVE beside it.
        id: /^CVE-/.test(id) ? id : (relatedVulnerabilities?.find((other) => /^CVE-/.test(other.id))?.id ?? id),
        severity,
        package: artifact.name,
        installed: artifact.version,
        fixedIn: fix?.versions?.join(', '),
      }),
    ),
  };
}
