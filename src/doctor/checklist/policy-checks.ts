import { formatBytes, formatDuration } from '../../core/units.js';
import { type DoctorCheck, fail, pass, warn } from '../context.js';

const policyFile = '/etc/paddock/policy.toml (where there is none, [policy] in ~/.config/paddock/config.toml)';

/** Whether the policy would take an engine that others reach. */
export const enginePolicyCheck: DoctorCheck = {
  id: 'engine-policy',
  title: 'The policy takes no engine of root and none on TCP',
  run(ctx) {
    const { rootfulAllowed, tcpAllowed } = ctx.sitePolicy;
    const allowed = [...(rootfulAllowed ? ['rootful'] : []), ...(tcpAllowed ? ['tcp'] : [])];
    if (allowed.length === 0) return Promise.resolve(pass('rootful = false, tcp = false'));
    const lines = allowed.map((name) => `${name} = false`).join(' and ');
    return Promise.resolve(fail(`${allowed.join(' and ')} = true`, `Write ${lines} in ${policyFile}.`));
  },
};

/** What every sandbox gets, and the most it may ask for. That the kernel holds it, the canary shows. */
export const limitsPolicyCheck: DoctorCheck = {
  id: 'limits-policy',
  title: 'Every sandbox has limits',
  run(ctx) {
    const { defaults, ceilings, maxSessions, require } = ctx.sitePolicy;
    const usual = `${formatBytes(defaults.memoryBytes)}, ${defaults.cpuMillis / 1000} CPUs, ${defaults.pids} processes, ${formatBytes(defaults.diskBytes)} of disk, ${formatDuration(defaults.lifetimeMs)}`;
    const most = `${formatBytes(ceilings.memoryBytes)}, ${ceilings.cpuMillis / 1000} CPUs, ${ceilings.pids} processes; ${maxSessions} sessions a process`;
    const evidence = `by default ${usual}; at most ${most}`;
    const missing = (['memory', 'cpu', 'pids'] as const).filter((id) => !require.includes(id));
    if (missing.length === 0) return Promise.resolve(pass(`${evidence}; required of the kernel`));
    return Promise.resolve(
      warn(
        `${evidence}; where the kernel does not hold ${missing.join(', ')}, sessions are made all the same`,
        `Write require = ["memory", "cpu", "pids"] in ${policyFile}.`,
      ),
    );
  },
};

/** What sandboxes may reach at most. That one without an allowlist reaches nothing, the canary shows. */
export const networkPolicyCheck: DoctorCheck = {
  id: 'network-policy',
  title: 'Sandboxes reach nothing that is not listed',
  run(ctx) {
    const { defaults, egress, broker, networks } = ctx.sitePolicy;
    const listed = egress.allow.length === 0 ? 'nothing' : egress.allow.join(', ');
    const models = broker.providers.length === 0 ? 'nobody' : broker.providers.join(', ');
    const evidence = `by default network ${defaults.network}; at most: ${listed}; models through the broker: ${models}`;
    const open = egress.allow.filter((rule) => /^(?:\w+:\/\/)?\*(?::|$)/.test(rule));
    if (networks.includes('open')) {
      const text = `${evidence}; sessions that ask for network open reach everything`;
      return Promise.resolve(warn(text, `Take open out of networks in ${policyFile}.`));
    }
    if (open.length === 0) return Promise.resolve(pass(evidence));
    return Promise.resolve(
      warn(`${evidence}; ${open.join(', ')} is every host`, `Name the hosts in egress.allow of ${policyFile}.`),
    );
  },
};

/** Which of the host's files sandboxes may be shown. */
export const accessPolicyCheck: DoctorCheck = {
  id: 'access-policy',
  title: 'Sandboxes are shown projects, and no more of the host',
  run(ctx) {
    const { allowedRoots, readWriteAllowed, hostFolders, images } = ctx.sitePolicy;
    const evidence = `projects below ${allowedRoots.join(', ') || 'nothing'}; written to ${readWriteAllowed ? 'where a caller asks for rw' : 'never'}; ${hostFolders.length} tool folders; images: host${images.map((one) => `, ${one}`).join('')}`;
    const isWide = (folder: string) => ['/', '/home', '/etc', '/root', '/var', '/usr', '/run'].includes(folder);
    const wide = allowedRoots.filter(isWide);
    if (wide.length > 0)
      return Promise.resolve(
        fail(`${evidence}; ${wide.join(', ')} is more than projects`, `Narrow allowed_roots in ${policyFile}.`),
      );
    if (!images.includes('*')) return Promise.resolve(pass(evidence));
    return Promise.resolve(warn(`${evidence}; any image may run`, `List the images in ${policyFile}.`));
  },
};
