import { isList, isObject, type Json } from '../json.js';
import type { RuleId } from '../rules.js';
import { deny } from '../verdict.js';
import type { DockerOption } from './option.js';

type Accepts = (value: Json) => boolean;

const no: Accepts = (value) => value === false;
const yes: Accepts = (value) => value === true;
const zero: Accepts = (value) => value === 0;
const zeroOrMinusOne: Accepts = (value) => value === 0 || value === -1;
const blank: Accepts = (value) => value === '';
const emptyList: Accepts = (value) => isList(value) && value.length === 0;
const emptyObject: Accepts = (value) => isObject(value) && Object.keys(value).length === 0;
const blankOrEmptyList: Accepts = (value) => blank(value) || emptyList(value);
const never: Accepts = () => false;
const oneOf =
  (...texts: readonly string[]): Accepts =>
  (value) =>
    typeof value === 'string' && texts.includes(value);
/** An object whose members, in any casing, all have a harmless value. */
const members =
  (accepted: Readonly<Record<string, Accepts>>): Accepts =>
  (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([key, item]) =>
        item === null || Object.entries(accepted).some(([name, ok]) => name === key.toLowerCase() && ok(item)),
    );
const onlyNoneTest: Accepts = (value) => isList(value) && value.length === 1 && value[0] === 'NONE';
const noEndpoints = members({ endpointsconfig: emptyObject });

interface FixedGroup {
  readonly rule: RuleId;
  /** Canonical names of Docker's top-level options, with the values that say what is so anyway. */
  readonly config?: Readonly<Record<string, Accepts>>;
  /** The same for those of HostConfig. */
  readonly host?: Readonly<Record<string, Accepts>>;
}

/** Options that nobody can choose: a value equal to what Paddock does is accepted, every other is refused. */
const fixedGroups: readonly FixedGroup[] = [
  { rule: 'docker-opts.privileged', host: { Privileged: no } },
  {
    rule: 'docker-opts.namespace',
    host: {
      PidMode: oneOf('', 'private'),
      IpcMode: oneOf('', 'private'),
      UTSMode: oneOf('', 'private'),
      UsernsMode: oneOf('', 'private'),
      CgroupnsMode: oneOf('', 'private'),
      Cgroup: blank,
      Isolation: oneOf('', 'default'),
    },
  },
  {
    rule: 'docker-opts.device',
    host: { Devices: emptyList, DeviceRequests: emptyList, DeviceCgroupRules: emptyList },
  },
  { rule: 'docker-opts.group-add', host: { GroupAdd: emptyList } },
  { rule: 'docker-opts.masked-paths', host: { MaskedPaths: never, ReadonlyPaths: never } },
  { rule: 'mounts.volume', config: { Volumes: emptyObject }, host: { VolumesFrom: emptyList, VolumeDriver: blank } },
  {
    rule: 'docker-opts.runtime',
    host: { Runtime: blank, CgroupParent: blank, Annotations: emptyObject },
  },
  {
    rule: 'docker-opts.log',
    host: {
      LogConfig: members({ type: oneOf('', 'none'), config: emptyObject }),
      ContainerIDFile: blank,
    },
  },
  { rule: 'docker-opts.sysctl', host: { Sysctls: emptyObject } },
  { rule: 'docker-opts.oom', host: { OomKillDisable: no, OomScoreAdj: zero } },
  {
    rule: 'docker-opts.resource',
    host: {
      MemoryReservation: zero,
      MemorySwappiness: zeroOrMinusOne,
      KernelMemory: zero,
      KernelMemoryTCP: zero,
      CpusetCpus: blank,
      CpusetMems: blank,
      CpuRealtimePeriod: zero,
      CpuRealtimeRuntime: zero,
      CpuCount: zero,
      CpuPercent: zero,
      IOMaximumIOps: zero,
      IOMaximumBandwidth: zero,
      BlkioWeight: zero,
      BlkioWeightDevice: emptyList,
      BlkioDeviceReadBps: emptyList,
      BlkioDeviceWriteBps: emptyList,
      BlkioDeviceReadIOps: emptyList,
      BlkioDeviceWriteIOps: emptyList,
    },
  },
  {
    rule: 'network.option',
    config: { ExposedPorts: emptyObject, MacAddress: blank, Domainname: blank, NetworkingConfig: noEndpoints },
    host: {
      Dns: emptyList,
      DnsOptions: emptyList,
      DnsSearch: emptyList,
      ExtraHosts: emptyList,
      Links: emptyList,
      PortBindings: emptyObject,
      PublishAllPorts: no,
    },
  },
  {
    rule: 'docker-opts.lifecycle',
    config: { StopSignal: blank, StopTimeout: never },
    host: { RestartPolicy: members({ name: oneOf('', 'no'), maximumretrycount: zero }), AutoRemove: yes },
  },
  { rule: 'docker-opts.healthcheck', config: { Healthcheck: members({ test: onlyNoneTest }) } },
  {
    rule: 'docker-opts.process-one',
    config: {
      Entrypoint: blankOrEmptyList,
      Cmd: blankOrEmptyList,
      Shell: emptyList,
      OnBuild: emptyList,
      ArgsEscaped: no,
      Tty: no,
      OpenStdin: no,
      StdinOnce: no,
      AttachStdin: no,
      AttachStdout: no,
      AttachStderr: no,
    },
    host: { ConsoleSize: (value) => isList(value) && value.every(zero) },
  },
];

/** The fixed options in the form of the others. */
export function fixedOptions(): readonly DockerOption[] {
  const make = (rule: RuleId, table: Readonly<Record<string, Accepts>> | undefined, inHostConfig: boolean) =>
    Object.entries(table ?? {}).map(([name, accepts]) => ({
      name,
      inHostConfig,
      apply: (value: Json) => {
        if (!accepts(value)) deny(rule, `${name} is ${(JSON.stringify(value) as string | undefined) ?? ''}`);
      },
    }));
  return fixedGroups.flatMap(({ rule, config, host }) => [...make(rule, config, false), ...make(rule, host, true)]);
}
