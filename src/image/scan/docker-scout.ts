import { z } from 'zod';
import { finding, type ScannerReport } from './findings.js';

/** Of `docker scout cves --format sarif`: a rule for each CVE, whose properties say how bad it is and which packages have it. */
const document = z.object({
  version: z.literal('2.1.0'),
  runs: z
    .array(
      z.object({
        tool: z.object({
          driver: z.object({
            name: z.string(),
            version: z.string().optional(),
            rules: z
              .array(
                z.object({
                  id: z.string(),
                  properties: z
                    .object({
                      cvssV3_severity: z.string().optional(),
                      fixed_version: z.string().optional(),
                      purls: z.array(z.string()).nullish(),
                      /** In place of the list, by versions of 2023. */
                      purl: z.string().nullish(),
                    })
                    .nullish(),
                }),
              )
              .nullish(),
          }),
        }),
        invocations: z.array(z.object({ executionSuccessful: z.boolean().optional() })).nullish(),
        results: z.array(z.object({ ruleId: z.string().optional() })).nullable(),
      }),
    )
    // A document without a run is one of a scan that did not happen, not of a clean image.
    .length(1),
});

type Run = z.output<typeof document>['runs'][number];

export function readDockerScout(json: unknown): ScannerReport {
  const [run] = document.parse(json).runs as [Run];
  if (run.invocations?.some((one) => one.executionSuccessful === false)) throw new Error('the scan did not succeed');
  const { version, rules } = run.tool.driver;
  const known = new Set((rules ?? []).map(({ id }) => id));
  const foreign = (run.results ?? []).find(({ ruleId }) => ruleId === undefined || !known.has(ruleId));
  if (foreign !== undefined) throw new Error('a result is of a rule that is not described');
  return {
    version,
    // It does not say what it knew in the image.
    isRecognised: true,
    isEndOfLife: false,
    // Not by their ids: with one package for each rule, what two packages have may be two of one id.
    findings: (rules ?? []).flatMap(({ id, properties }) =>
      (properties?.purls?.length ? properties.purls : [properties?.purl ?? '']).map((purl) =>
        finding({
          id,
          severity: properties?.cvssV3_severity,
          ...ofPurl(purl),
          fixedIn: fixOf(properties?.fixed_version),
        }),
      ),
    ),
  };
}

/** `pkg:deb/debian/openssl@3.0.15-1?os_distro=…` as name and version. */
function ofPurl(purl: string): { readonly package: string; readonly installed: string } {
  const [, name = '', version = ''] = /^pkg:[^/]+\/(?:[^?#]*\/)?([^/@?#]+)(?:@([^?#]*))?/.exec(purl) ?? [];
  return { package: plain(name), installed: plain(version) };
}

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function fixOf(text: string | undefined): string | undefined {
  return text === undefined || /^(?:not fixed|none|n\/a)$/i.test(text.trim()) ? undefined : text;
}
