import { type DoctorCheck, type DoctorContext, type Finding, fail, hostsOwn, pass, warn } from '../context.js';
import { setSysctl } from '../shell.js';

interface Setting {
  readonly name: string;
  /** The least value that is well. */
  readonly least: number;
  /** What to set it to. */
  readonly wanted: number;
  readonly severity: 'warn' | 'fail';
  readonly why: string;
  /** What it means that this kernel does not have the setting. */
  readonly missing: string;
}

const settings: readonly Setting[] = [
  {
    ...{ name: 'user.max_user_namespaces', least: 64, wanted: 15_000, severity: 'fail' },
    ...{ why: 'every sandbox needs one', missing: 'this kernel has no user namespaces' },
  },
  {
    ...{ name: 'kernel.unprivileged_userns_clone', least: 1, wanted: 1, severity: 'fail' },
    ...{ why: 'rootless engines need user namespaces', missing: 'this kernel has no such switch' },
  },
  {
    ...{ name: 'kernel.yama.ptrace_scope', least: 1, wanted: 1, severity: 'warn' },
    ...{ why: 'below 1 any process of the user can read the memory of this one', missing: 'Yama is not built in' },
  },
  {
    ...{ name: 'kernel.dmesg_restrict', least: 1, wanted: 1, severity: 'warn' },
    ...{ why: 'the kernel log holds addresses that help an exploit', missing: 'not readable' },
  },
  {
    ...{ name: 'kernel.kptr_restrict', least: 1, wanted: 1, severity: 'warn' },
    ...{ why: 'kernel addresses help an exploit', missing: 'not readable' },
  },
  {
    ...{ name: 'kernel.unprivileged_bpf_disabled', least: 1, wanted: 2, severity: 'warn' },
    ...{ why: 'BPF without rights was behind many ways into the kernel', missing: 'BPF is not built in' },
  },
];

/** Settings that rootless engines need, and those that take away from an attacker who got out of seccomp's way. */
export const kernelSettingsCheck: DoctorCheck = {
  id: 'kernel-settings',
  title: 'Kernel settings',
  async run(ctx) {
    const judged = await Promise.all(settings.map((setting) => judge(ctx, setting)));
    return [...judged, await ioUring(ctx), await apparmorUserns(ctx)];
  },
};

async function judge(ctx: DoctorContext, setting: Setting): Promise<Finding> {
  const common = { part: shortName(setting.name), title: setting.name };
  // Each user namespace has its own of these: what counts is that of the engine's.
  if (ctx.isContained && setting.name.startsWith('user.')) {
    return { ...common, ...hostsOwn(`${setting.name} of the host`) };
  }
  const value = await read(ctx, setting.name);
  return { ...common, ...verdict(setting, value) };
}

function verdict({ name, least, wanted, severity, why, missing }: Setting, value: number | undefined): Finding {
  if (value === undefined) return pass(`${name} is not there: ${missing}`);
  if (value >= least) return pass(`${name} = ${value}`);
  const finding = severity === 'fail' ? fail : warn;
  return finding(`${name} = ${value}, at least ${least} is needed: ${why}`, setSysctl(name, wanted));
}

async function ioUring(ctx: DoctorContext): Promise<Finding> {
  const value = await read(ctx, 'kernel.io_uring_disabled');
  const evidence = value === undefined ? 'is not there' : `= ${value}`;
  return {
    ...{ part: 'io_uring_disabled', title: 'kernel.io_uring_disabled' },
    ...pass(`kernel.io_uring_disabled ${evidence}; Paddock's seccomp profiles deny io_uring inside anyway`),
  };
}

/** Ubuntu's restriction lets Podman through by a profile of its path; where the engine answers there is nothing to do. */
async function apparmorUserns(ctx: DoctorContext): Promise<Finding> {
  const name = 'kernel.apparmor_restrict_unprivileged_userns';
  const value = await read(ctx, name);
  const common = { part: shortName(name), title: name };
  if (value !== 1) return { ...common, ...pass(`${name} ${value === undefined ? 'is not there' : `= ${value}`}`) };
  const seen = `${name} = 1: programs without an AppArmor profile get no user namespace`;
  if ('identity' in ctx.engine) return { ...common, ...pass(`${seen}; the engine has one, since it answers`) };
  return { ...common, ...warn(`${seen}, and no engine answers`, 'sudo apt-get install --reinstall apparmor podman') };
}

async function read(ctx: DoctorContext, name: string): Promise<number | undefined> {
  const text = (await ctx.files.readText(`/proc/sys/${name.replaceAll('.', '/')}`))?.trim();
  return text !== undefined && /^-?\d{1,12}$/.test(text) ? Number(text) : undefined;
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
