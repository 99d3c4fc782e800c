/**
 * The one place where versions are known to be good or bad: everything that says so reads it here. Each row was looked up in November 2026 in what
 * `source` names: the project's advisory, its release notes (`RELEASE_NOTES.md`, `CHANGELOG.md`, `NEWS`), the CVE record, Debian's changelog of the package.
 */

/**
 * Line by line the first version that has a repair: a version has it when it is at or above the entry of its own major and minor, or above the last
 * entry.
 */
export type Repaired = readonly string[];

/** The earliest release of each line that has every known repair. */
export const floors: Readonly<Record<string, Repaired>> = {
  podman: ['5.8.10', '6.2.0'],
  docker: ['29.7.0'],
  runc: ['1.3.6', '1.4.3', '1.5.0'],
  crun: ['1.28'],
};

export interface KnownHole {
  readonly program: 'podman' | 'docker' | 'runc' | 'crun' | 'linux';
  readonly cves: readonly string[];
  readonly repaired: Repaired;
  /** The first version that has it; absent: all before the repair. */
  readonly since?: string;
  /** Debian's packages that have the repair under an older number of the project. */
  readonly debian?: readonly string[];
  /** Ends the sentence "lets …". */
  readonly lets: string;
  /** Where it says so. */
  readonly source: string;
}

export const knownHoles: readonly KnownHole[] = [
  {
    ...{ program: 'podman', cves: ['CVE-2026-123876'] },
    ...{ repaired: ['5.8.10', '6.2.0'] },
    lets: 'programs open sockets that the default filter denies',
    source: 'release notes of 5.8.10 and 6.2.0',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-111361'] },
    ...{ repaired: ['5.8.10', '6.2.0'] },
    lets: 'an image pass for another by digest and signature',
    source: 'GHSA-pggw-qqjf-6cxw; release notes of 5.8.10 and 6.2.0',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2025-11395'] },
    ...{ repaired: ['5.8.7', '6.1.2'] },
    lets: 'an image’s layers write over files of the host when they are loaded',
    source: 'release notes of 6.1.2; release notes of common 0.67.2 for the 5.8 line',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-57231'] },
    ...{ repaired: ['5.8.4', '6.0.0'] },
    lets: "an image copy variables out of the engine's own environment",
    source: 'release notes of 5.8.4 and 6.0.0',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-44517'] },
    ...{ repaired: ['5.8.3', '6.0.0'] },
    lets: 'a build take files from outside of its context',
    source: 'GHSA-49p4-px3h-rq49; release notes of 5.8.3',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2026-55686'] },
    ...{ repaired: ['5.7.1'], since: '3.0.0' },
    lets: 'an image have folders made on the host, by a link as its working directory',
    source: 'GHSA-q6r4-3wmg-fwcq',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2025-52881'] },
    ...{ repaired: ['5.7.0'] },
    lets: 'labels of SELinux and AppArmor be written to a wrong place',
    source: 'release notes of 5.7.0; GHSA-cgrx-mc8f-2prm',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2025-9566'] },
    ...{ repaired: ['5.6.1'], since: '4.0.0' },
    lets: 'manifests for `podman kube play` write over files of the host',
    source: 'release notes of 5.6.1; CVE record',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2024-11218'] },
    ...{ repaired: ['5.3.2'] },
    lets: 'a build out, by a race of two of its steps',
    source: 'GHSA-5vpc-35f4-r8w6; release notes of 5.3.2',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2024-9675', 'CVE-2024-9676'] },
    ...{ repaired: ['5.2.5'] },
    lets: 'a build reach folders of the host, and an image have the engine read what its /etc/passwd leads to',
    source: 'release notes of 5.2.5',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2024-9407', 'CVE-2024-9341'] },
    ...{ repaired: ['5.2.4'] },
    lets: 'a build, and on hosts with FIPS an image, have folders of the host mounted',
    source: 'GHSA-fhqq-8f65-5xfc, GHSA-mc76-5925-c5p6; release notes of 5.2.4',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2024-1753'] },
    ...{ repaired: ['4.9.4', '5.0.1'] },
    lets: 'a build out, by mounting the root of the host',
    source: 'GHSA-874v-pj72-92f3; release notes of 4.9.4 and 5.0.1',
  },
  {
    ...{ program: 'podman', cves: ['CVE-2023-0778'] },
    ...{ repaired: ['4.4.2'], debian: ['4.3.1+ds1-7'] },
    lets: 'a volume have files of the host exported',
    source: 'release notes of 4.4.2; Debian changelog of podman',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-17106'] },
    ...{ repaired: ['29.7.0'] },
    lets: 'an archive write outside of where it is unpacked',
    source: 'release notes of 29.7.0',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-41567'] },
    ...{ repaired: ['29.5.1'] },
    lets: 'a container run programs as the daemon when compressed archives are copied into it',
    source: 'GHSA-x86f-5xw2-fm2r',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-41568', 'CVE-2026-42306'] },
    ...{ repaired: ['29.5.1'], debian: ['26.1.5+dfsg1-9+deb13u1'] },
    lets: 'a container write on the host when files are copied',
    source: 'GHSA-vp62-88p7-qqf5, GHSA-rg2x-37c3-w2rh; Debian changelog of docker.io',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2026-34040'] },
    ...{ repaired: ['29.3.1'], debian: ['26.1.5+dfsg1-9+deb13u1'] },
    lets: 'requests past plugins for authorization',
    source: 'GHSA-x744-4wpc-v9h2; Debian changelog of docker.io',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2024-41110'] },
    ...{
      repaired: ['20.10.28', '23.0.15', '24.0.10', '25.0.6', '26.1.5', '27.1.1'],
      debian: ['20.10.24+dfsg1-1+deb12u1'],
    },
    lets: 'requests past plugins for authorization',
    source: 'GHSA-v23v-6jw2-98fq; Debian changelog of docker.io',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2024-29018'] },
    ...{ repaired: ['23.0.11', '25.0.5', '26.0.0'] },
    lets: 'names be looked up outside from an internal network',
    source: 'GHSA-mq39-4gv4-mvpx',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2024-23651', 'CVE-2024-23652', 'CVE-2024-23653'] },
    ...{ repaired: ['25.0.2'] },
    lets: 'a build read, delete and run what is outside of it',
    source: 'GHSA-m3r6-h7wv-7xxv, GHSA-4v98-7qmw-rqr8, GHSA-wr6v-9f75-vh2g; release notes of 24.0.9 and 25.0.2',
  },
  {
    ...{ program: 'docker', cves: ['CVE-2024-24557'] },
    ...{ repaired: ['24.0.9', '25.0.2'] },
    lets: 'an image be taken for a step of a build that it is not',
    source: 'GHSA-xw73-rw38-6vjc; release notes of 24.0.9',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2026-41579'] },
    ...{ repaired: ['1.3.6', '1.4.3', '1.5.0'] },
    lets: 'an image redirect what is set up below /dev',
    source: 'GHSA-xjvp-4fhw-gc47; CHANGELOG of runc',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'] },
    ...{ repaired: ['1.2.8', '1.3.3', '1.4.0'] },
    lets: 'a container out by races over masked paths and /dev',
    source: 'GHSA-9493-h29p-rfm2, GHSA-qw9x-cqr3-wc7r, GHSA-cgrx-mc8f-2prm; CHANGELOG of runc',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2024-45310'] },
    ...{ repaired: ['1.1.14', '1.2.0'] },
    lets: 'a container make empty files and folders on the host',
    source: 'GHSA-jfvp-7x6p-h2pv; CHANGELOG of runc',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2024-21626'] },
    ...{ repaired: ['1.1.12'], debian: ['1.1.5+ds1-1+deb12u1'] },
    lets: 'a container out through a folder that was left open',
    source: 'GHSA-xr7r-f8xq-vfvv; CHANGELOG of runc; Debian changelog of runc',
  },
  {
    ...{ program: 'runc', cves: ['CVE-2023-25809', 'CVE-2023-27561', 'CVE-2023-28642'] },
    ...{ repaired: ['1.1.5'] },
    lets: 'a container write cgroups, or slip its security module by a link for /proc',
    source: 'GHSA-m8cg-xc2p-r3fc, GHSA-vpvm-3wq2-2wvm, GHSA-g2j6-57v7-gm8c; CHANGELOG of runc',
  },
  {
    ...{ program: 'crun', cves: ['CVE-2026-47766'] },
    ...{ repaired: ['1.28'] },
    lets: 'an image redirect what is set up below /dev',
    source: 'NEWS of crun',
  },
  {
    ...{ program: 'crun', cves: ['CVE-2026-30892'] },
    ...{ repaired: ['1.27'] },
    lets: 'a command run as another user than was asked for',
    source: 'NEWS of crun',
  },
  {
    ...{ program: 'linux', cves: ['CVE-2025-38236'] },
    ...{ repaired: ['5.15.194', '6.1.143', '6.6.96', '6.12.36', '6.15.5', '6.16'], since: '5.15' },
    lets: 'a program in a sandbox into the kernel through Unix sockets',
    source: 'CVE record of kernel.org',
  },
  {
    ...{ program: 'linux', cves: ['CVE-2024-1086'] },
    ...{ repaired: ['5.4.269', '5.10.210', '5.15.149', '6.1.76', '6.6.15', '6.7.3', '6.8'], since: '3.15' },
    lets: 'a user become root through nf_tables',
    source: 'CVE record; linux_kernel_cves by stable line',
  },
  {
    ...{ program: 'linux', cves: ['CVE-2023-3269'] },
    ...{ repaired: ['6.1.37', '6.3.11', '6.4.1'], since: '6.1' },
    lets: 'a program in a sandbox into the kernel by growing its stack',
    source: 'linux_kernel_cves by stable line',
  },
  {
    ...{ program: 'linux', cves: ['CVE-2022-0847'] },
    ...{ repaired: ['5.10.102', '5.15.25', '5.16.11'], since: '5.8' },
    lets: 'anybody write into files that can only be read',
    source: 'linux_kernel_cves by stable line',
  },
];
