import type { SeccompVariant } from '../../core/spec.js';
import { reservationRules } from './reservations.js';
import { type ArgumentRule, equal, masked } from './rule.js';
import { socketRules } from './sockets.js';

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (linux/sched.h). */
const namespaceFlags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
const anyNamespace = namespaceFlags.reduce((all, flag) => all + flag);
const withoutNamespaces: readonly SeccompVariant[] = ['default', 'debug'];

/** Personalities that change nothing of how memory is laid out: Linux, Linux 32, each with an older version's name, and a question. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
const addrNoRandomize = 0x40000;

/** Calls whose arguments decide. */
export const argumentRules: readonly ArgumentRule[] = [
  {
    call: 'clone',
    when: [masked(0, anyNamespace, 0)],
    result: 'allow',
    why: 'Processes and threads, but in no new namespace.',
    only: withoutNamespaces,
  },
  ...namespaceFlags.map((flag): ArgumentRule => {
    const why = 'As unshare answers.';
    return { call: 'clone', when: [masked(0, flag, flag)], result: 'EPERM', why, only: withoutNamespaces };
  }),
  { call: 'clone', when: [], result: 'allow', why: 'New namespaces as well.', only: ['nested'] },
  ...personalities.map((value): ArgumentRule => {
    const why = 'No personality that switches off address randomisation or makes memory executable.';
    return { call: 'personality', when: [equal(0, value)], result: 'allow', why };
  }),
  {
    call: 'personality',
    when: [equal(0, addrNoRandomize)],
    result: 'allow',
    why: 'gdb and ThreadSanitizer switch address randomisation off for what they start.',
    only: ['debug'],
  },
  {
    call: 'arch_prctl',
    when: [],
    result: 'allow',
    why: 'Where a thread’s own variables are.',
    processors: ['amd64'],
  },
  ...reservationRules,
  ...socketRules,
];
