import { z } from 'zod';
import type { EngineInfo } from '../types.js';
import { optionalText, stringList } from './values.js';

const version = z.object({ version: optionalText, package: optionalText }).nullish();
const component = z.object({ Name: z.string(), Version: optionalText });

export const podmanInfo = z.object({
  host: z.object({
    cgroupManager: z.string(),
    cgroupVersion: z.string(),
    cgroupControllers: stringList,
    conmon: version,
    networkBackendInfo: version,
    slirp4netns: version,
    pasta: version,
    ociRuntime: z.object({ name: z.string(), version: optionalText }),
    security: z.object({
      rootless: z.boolean(),
      seccompEnabled: z.boolean(),
      apparmorEnabled: z.boolean(),
      selinuxEnabled: z.boolean(),
    }),
  }),
  store: z.object({ graphDriverName: z.string() }),
  version: z.object({ Version: z.string() }),
});

export const dockerInfo = z.object({
  CgroupDriver: optionalText,
  CgroupVersion: optionalText,
  MemoryLimit: z.boolean().nullish(),
  CpuCfsQuota: z.boolean().nullish(),
  PidsLimit: z.boolean().nullish(),
  SecurityOptions: stringList,
  Driver: z.string(),
  DefaultRuntime: optionalText,
});

export const dockerVersion = z.object({ Version: z.string(), Components: z.array(component).nullish() });

/** `crun version 1.8.1\ncommit: …` → `1.8.1`; what has no such word is given as it is. */
function bareVersion(text: string): string {
  return (/version:? v?(\d[\w.+~-]*)/.exec(text)?.[1] ?? text.split('\n')[0] ?? '').slice(0, 64);
}

/**
 * None where the engine has no such part. Podman asks a part for its version over a pipe; where an LSM keeps it from answering (Debian's profile of
 * passt does), the name of its package tells.
 */
function versionsOf(part: z.infer<typeof version>): readonly string[] {
  const isKnown = (text: string) => text !== '' && text !== 'Unknown';
  return [part?.version ?? '', part?.package ?? ''].filter(isKnown).slice(0, 1);
}

function cgroupVersionOf(text: string): 1 | 2 | undefined {
  if (text === 'v2' || text === '2') return 2;
  return text === 'v1' || text === '1' ? 1 : undefined;
}

export function infoOfPodman(body: z.infer<typeof podmanInfo>): EngineInfo {
  const { host } = body;
  const cgroupVersion = cgroupVersionOf(host.cgroupVersion);
  // Under cgroup v1 a rootless Podman accepts every limit and applies none.
  const canLimit = (controller: string): boolean =>
    cgroupVersion === 2 ? host.cgroupControllers.includes(controller) : !host.security.rootless;
  const listed = {
    conmon: host.conmon,
    network: host.networkBackendInfo,
    slirp4netns: host.slirp4netns,
    pasta: host.pasta,
  };
  return {
    rootless: host.security.rootless,
    cgroupVersion,
    cgroupManager: host.cgroupManager,
    cgroupControllers: host.cgroupControllers,
    memoryLimit: canLimit('memory'),
    cpuLimit: canLimit('cpu'),
    pidsLimit: canLimit('pids'),
    seccomp: host.security.seccompEnabled,
    apparmor: host.security.apparmorEnabled,
    selinux: host.security.selinuxEnabled,
    storageDriver: body.store.graphDriverName,
    ociRuntime: { name: host.ociRuntime.name, version: bareVersion(host.ociRuntime.version) },
    components: [
      { name: 'podman', version: body.version.Version },
      ...Object.entries(listed).flatMap(([name, part]) =>
        versionsOf(part).map((text) => ({ name, version: bareVersion(text) })),
      ),
    ],
  };
}

export function infoOfDocker(info: z.infer<typeof dockerInfo>, version: z.infer<typeof dockerVersion>): EngineInfo {
  const options = info.SecurityOptions.map((option) => option.split(','));
  const has = (name: string): boolean => options.some((parts) => parts.includes(`name=${name}`));
  const components = (version.Components ?? []).map((part) => ({
    name: part.Name,
    version: bareVersion(part.Version),
  }));
  return {
    rootless: has('rootless'),
    cgroupVersion: cgroupVersionOf(info.CgroupVersion),
    cgroupManager: info.CgroupDriver,
    cgroupControllers: undefined,
    memoryLimit: info.MemoryLimit ?? false,
    cpuLimit: info.CpuCfsQuota ?? false,
    pidsLimit: info.PidsLimit ?? false,
    seccomp: has('seccomp') && !options.some((parts) => parts.includes('profile=unconfined')),
    apparmor: has('apparmor'),
    selinux: has('selinux'),
    storageDriver: info.Driver,
    ociRuntime: {
      name: info.DefaultRuntime,
      version: components.find((part) => part.name === info.DefaultRuntime)?.version ?? '',
    },
    components,
  };
}
