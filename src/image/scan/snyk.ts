import { z } from 'zod';
import { finding, type ScannerReport } from './findings.js';

const vulnerabilities = z.array(
  z.object({
    id: z.string(),
    severity: z.string().optional(),
    packageName: z.string().optional(),
    name: z.string().optional(),
    version: z.string().optional(),
    nearestFixedInVersion: z.string().nullish(),
    fixedIn: z.array(z.string()).nullish(),
    identifiers: z.object({ CVE: z.array(z.string()).nullish() }).nullish(),
    type: z.string().optional(),
  }),
);

/** Of one project: the packages of the distribution, or an application that lies in the image. */
const project = z.object({ vulnerabilities, dependencyCount: z.number().optional() });
const whole = project.extend({ ok: z.boolean(), applications: z.array(project).nullish() });
/** Of `snyk container test --json`: one of these, or a list of them. What it says in place of that, `{ok: false, error}`, is neither. */
const document = z.union([whole.transform((one) => [one]), z.array(whole).min(1)]);

export function readSnyk(json: unknown): ScannerReport {
  const projects = document.parse(json).flatMap((one) => [one, ...(one.applications ?? [])]);
  return {
    isRecognised: projects.some(({ dependencyCount = 0, vulnerabilities: { length } }) => dependencyCount + length > 0),
    isEndOfLife: false,
    findings: projects.flatMap((one) =>
      one.vulnerabilities
        // Licences are not what is asked for here.
        .filter(({ type }) => type !== 'license')
        .map((hole) =>
          finding({
            id: hole.identifiers?.CVE?.[0] ?? hole.id,
            severity: hole.severity,
            package: hole.packageName ?? hole.name,
            installed: hole.version,
            fixedIn: hole.nearestFixedInVersion ?? hole.fixedIn?.join(', '),
          }),
        ),
    ),
  };
}
