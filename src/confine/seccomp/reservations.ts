import { type ArgumentRule, equal, masked } from './rule.js';

/**
 * Room that a file gets beyond its end is in no file's length, and RLIMIT_FSIZE, the fence behind the disk limit, is held against
 * lengths: one such call takes all that the file system has. FALLOC_FL_KEEP_SIZE asks for it (linux/falloc.h), and the older calls of XFS, which
 * every file system that can allocate answers: FS_IOC_RESVSP, FS_IOC_RESVSP64 and FS_IOC_ZERO_RANGE (linux/falloc.h).
 */
const keepSize = 0x1;
const zeroRange = 0x10;
/** 0, PUNCH_HOLE with KEEP_SIZE (which takes nothing), COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE and UNSHARE_RANGE. */
const modes = [0x0, 0x3, 0x8, zeroRange, 0x20, 0x40];
const reserve = 0x40305828;
const reservations = [reserve, 0x4030582a, 0x40305839];

const bits = Array.from({ length: 32 }, (_, bit) => 2 ** bit);
/** Those in which all three agree, from the top: what other requests differ in comes first. */
const shared = bits.filter((bit) => reservations.every((one) => ((one ^ reserve) & bit) === 0)).toReversed();

const why = 'Room in files counts in their length, which is limited.';

export const reservationRules: readonly ArgumentRule[] = [
  ...modes.map((mode): ArgumentRule => {
    return { call: 'fallocate', when: [equal(1, mode)], result: 'allow', why };
  }),
  ...[keepSize, keepSize + zeroRange].map((mode): ArgumentRule => {
    const answer = 'Room beyond the end of a file would pass every limit; programs do without.';
    return { call: 'fallocate', when: [equal(1, mode)], result: 'EOPNOTSUPP', why: answer };
  }),
  // A filter can't say "none of these": so every request that differs from what they have in common, in any bit.
  ...shared.map((bit): ArgumentRule => {
    const other = (reserve & bit) === 0 ? bit : 0;
    return { call: 'ioctl', when: [masked(1, bit, other)], result: 'allow', why };
  }),
];
