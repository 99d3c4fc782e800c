/** From the least to the worst; `unknown` is what a scanner found and could not rate. */
export const severities = ['unknown', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** The most that an image may have in it; `none`: nothing at all. */
export const severityCeilings = ['none', 'low', 'medium', 'high', 'critical'] as const;
export type SeverityCeiling = (typeof severityCeilings)[number];

/** What a scan decides on a session: nothing; a note; or whether there is one. */
export const scanModes = ['off', 'warn', 'require'] as const;
export type ScanMode = (typeof scanModes)[number];

/** One known vulnerability in one package of an image. All of it is foreign text, cut and made safe. */
export interface ScanFinding {
  /** `CVE-…` where there is one, else the scanner's own. */
  readonly id: string;
  readonly severity: Severity;
  readonly package: string;
  readonly installed: string;
  /** The version that repairs it; absent: there is none yet. */
  readonly fixedIn?: string | undefined;
}

/** How many of each severity, and of how many there is a repaired version. */
export type ScanCounts = Readonly<Record<Severity, { readonly found: number; readonly fixable: number }>>;

/** What a scanner said of one image. */
export interface ImageScan {
  /** Id of the image, which names its content for good. */
  readonly imageId: string;
  /** Under which name it was scanned. */
  readonly reference: string;
  readonly scanner: { readonly name: string; readonly version?: string | undefined };
  readonly scannedAtMs: number;
  /** From when is what the scanner knew of vulnerabilities; absent: it did not say. */
  readonly databaseAtMs?: number | undefined;
  /** False: the scanner knew nothing in it that has holes, so that it found none says nothing. */
  readonly isRecognised: boolean;
  /** Nobody repairs the packages of this distribution any more, by the scanner's account; or it is newer than the scanner. */
  readonly isEndOfLife: boolean;
  /** Of all findings. */
  readonly counts: ScanCounts;
  /** The worst first; at most 2000. */
  readonly findings: readonly ScanFinding[];
  /** How many more there are than are listed. */
  readonly leftOut: number;
}

/** What the site says of images besides which ones may run. */
export interface ImageRules {
  /** References to registries have to name a digest. */
  readonly pinned: boolean;
  readonly scan: ScanMode;
  readonly maxSeverity: SeverityCeiling;
  readonly maxScanAgeMs: number;
  /** References that need no scan: exact, or with one trailing `*`. */
  readonly unscanned: readonly string[];
}
