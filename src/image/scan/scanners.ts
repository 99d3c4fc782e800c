import { readDockerScout } from './docker-scout.js';
import type { ScannerReport } from './findings.js';
import { readGrype } from './grype.js';
import { readSnyk } from './snyk.js';
import { readTrivy, readTrivyVersion } from './trivy.js';

export const scannerNames = ['trivy', 'grype', 'docker-scout', 'snyk'] as const;
export type ScannerName = (typeof scannerNames)[number];

/** How one scanner is called, and what is made of its answer. All of them get the image as an archive: none needs the engine's socket. */
export interface Scanner {
  readonly name: ScannerName;
  readonly program: string;
  /** A plugin without which the program is no scanner. */
  readonly dockerPlugin?: string;
  args(archive: string): readonly string[];
  /**
   * Variables of ours that it gets besides those that every program needs: where its database and its account are, and what it is to tell nobody,
   * nothing that leaves findings out (TRIVY_SEVERITY and the like).
   */
  readonly environment: RegExp;
  /** Exit codes with which there is an answer. */
  readonly answers: readonly number[];
  /** Throws when that is not its document. */
  read(json: unknown): ScannerReport;
  /** How it says what its document does not: its version, and from when its database is. */
  readonly about?: {
    readonly args: readonly string[];
    read(json: unknown): Pick<ScannerReport, 'version' | 'databaseAtMs'>;
  };
  /** How one comes by it. */
  readonly home: string;
}

/** In the order in which they are looked for: those first that need no account. */
export const scanners: readonly Scanner[] = [
  {
    ...{ name: 'trivy', program: 'trivy', answers: [0], read: readTrivy, home: 'https://trivy.dev' },
    about: { args: ['--version', '--format', 'json'], read: readTrivyVersion },
    args: (archive) => [
      // Not --quiet: when it fails, what it said it was at is all that there may be.
      ...['image', '--input', archive, '--format', 'json', '--scanners', 'vuln', '--no-progress'],
      // What its own file of settings may narrow down is said here, where it counts for more.
      ...['--severity', 'UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL', '--ignore-unfixed=false', '--exit-code', '0'],
      // That it knew packages only this shows. It gives up after five minutes by itself; the end that counts is ours.
      ...['--list-all-pkgs', '--timeout', '1h'],
    ],
    environment:
      /^TRIVY_(?:CACHE_DIR|DB_REPOSITORY|JAVA_DB_REPOSITORY|SKIP_DB_UPDATE|SKIP_JAVA_DB_UPDATE|OFFLINE_SCAN|SKIP_VERSION_CHECK|DISABLE_TELEMETRY)$/,
  },
  {
    ...{ name: 'grype', program: 'grype', answers: [0], read: readGrype, home: 'https://github.com/anchore/grype' },
    args: (archive) => [`docker-archive:${archive}`, '--output', 'json', '--quiet'],
    environment: /^GRYPE_(?:DB_(?:CACHE_DIR|UPDATE_URL|AUTO_UPDATE|CA_CERT)|CHECK_FOR_APP_UPDATE)$/,
  },
  {
    ...{ name: 'docker-scout', program: 'docker', dockerPlugin: 'docker-scout', answers: [0], read: readDockerScout },
    args: (archive) => ['scout', 'cves', '--format', 'sarif', `archive://${archive}`],
    environment: /^DOCKER_(?:CONFIG|SCOUT_(?:CACHE_DIR|HUB_USER|HUB_PASSWORD|OFFLINE))$/,
    home: 'https://docs.docker.com/scout',
  },
  {
    // 1 is what it ends with when it has found something.
    ...{ name: 'snyk', program: 'snyk', answers: [0, 1], read: readSnyk, home: 'https://docs.snyk.io' },
    args: (archive) => ['container', 'test', `docker-archive:${archive}`, '--json'],
    environment: /^SNYK_(?:TOKEN|API|CFG_ORG|OAUTH_TOKEN|DISABLE_ANALYTICS)$/,
  },
];
