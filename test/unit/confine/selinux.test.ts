import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isConfinedServer, isTypeLoaded, sandboxTypes, selinuxMode } from '../../../src/confine/selinux.js';
import { SelinuxInstall } from '../../../src/confine/selinux-install.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-selinux-'));
  file('sys/fs/selinux/enforce', '1');
  file('shipped', `(block paddock_sandbox)\n(block paddock_text_0123456789ab (type mark) (roletype object_r mark))\n`);
  mkdirSync(join(root, 'proc'));
});
afterEach(() => rmSync(root, { recursive: true }));

const sys = () => join(root, 'sys');

function file(path: string, text: string, mode = 0o644): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
}

describe('what the kernel tells of SELinux', () => {
  it('is whether it enforces, or is not there', () => {
    expect(selinuxMode(sys())).toBe('enforcing');
    file('sys/fs/selinux/enforce', '0');
    expect(selinuxMode(sys())).toBe('permissive');
    expect(selinuxMode(join(root, 'nothing'))).toBeUndefined();
  });

  it('is that a type is loaded when it takes a label with it, and not when it refuses that or can’t be asked', () => {
    expect(isTypeLoaded('one_t', sys())).toBe(false);
    symlinkSync('/dev/full', join(root, 'sys/fs/selinux/context'));
    expect(isTypeLoaded('one_t', sys())).toBe(false);
    rmSync(join(root, 'sys/fs/selinux/context'));
    file('sys/fs/selinux/context', '');
    expect(isTypeLoaded('one_t', sys())).toBe(true);
    expect(readFileSync(join(root, 'sys/fs/selinux/context'), 'utf8')).toBe('system_u:object_r:one_t:s0');
  });
});

describe('what a server under our type in a container, which is shown none of that, finds by itself', () => {
  const label = 'system_u:system_r:paddock_server.process:s0:c1,c2';
  const nothing = () => join(root, 'nothing');
  const refusing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  const own = (write?: () => void) => ({ procRoot: join(root, 'proc'), ...(write === undefined ? {} : { write }) });

  it('is that SELinux enforces, by the refusal of what its type may not do, and by no other failure', () => {
    file('proc/thread-self/attr/current', `${label}\0`);
    file('proc/thread-self/attr/sockcreate', '');
    expect(selinuxMode(nothing(), own(refusing('EACCES')))).toBe('enforcing');
    expect(selinuxMode(nothing(), own(refusing('EINVAL')))).toBe('permissive');
    expect(isConfinedServer(own())).toBe(true);
  });

  it('is that it does not, when it may: which has said nothing but the label that its sockets have anyway', () => {
    file('proc/thread-self/attr/current', `${label}\n`);
    file('proc/thread-self/attr/sockcreate', '');
    expect(selinuxMode(nothing(), own())).toBe('permissive');
    expect(readFileSync(join(root, 'proc/thread-self/attr/sockcreate'), 'utf8')).toBe(label);
  });

  it('is nothing where that can’t be tried, for whatever reason', () => {
    file('proc/thread-self/attr/current', label);
    expect(selinuxMode(nothing(), own(refusing('EACCES')))).toBeUndefined();
    expect(isConfinedServer(own())).toBe(true);
  });

  it.each(['system_u:system_r:container_t:s0:c1,c2', 'paddock-sandbox (enforce)', 'unconfined\n'])(
    'is nothing under %j',
    (other) => {
      file('proc/thread-self/attr/current', other);
      expect(selinuxMode(nothing(), own(refusing('EACCES')))).toBeUndefined();
      expect(isConfinedServer(own())).toBe(false);
    },
  );

  it('counts for less than what the kernel says where that is shown', () => {
    file('proc/thread-self/attr/current', label);
    file('sys/fs/selinux/enforce', '0');
    expect(selinuxMode(sys(), own(refusing('EACCES')))).toBe('permissive');
  });
});

describe('the installation of the SELinux module', () => {
  /** A tool that keeps a list of modules, or does what the test tells it to; the types of a module are there when it is listed. */
  function install(script = ''): SelinuxInstall {
    const list = join(root, 'modules');
    const lines = [
      '#!/bin/sh',
      `echo "$@" >>${root}/asked`,
      script,
      'case $1 in',
      `  --install) echo paddock >>${list} ;;`,
      `  --remove) grep -vx "$2" ${list} >${list}.new; mv ${list}.new ${list} ;;`,
      `  --list-modules) echo base; cat ${list} ;;`,
      'esac',
    ];
    file('modules', '');
    file('semodule', lines.join('\n'), 0o755);
    const isListed = () => readFileSync(list, 'utf8').includes('paddock\n');
    return new SelinuxInstall({
      ...{ shipped: join(root, 'shipped'), semodule: join(root, 'semodule') },
      ...{ sysRoot: sys(), procRoot: join(root, 'proc') },
      hasType: (type) => isListed() && ['paddock_text_0123456789ab.mark', sandboxTypes.default].includes(type),
    });
  }
  const asked = () => readFileSync(join(root, 'asked'), 'utf8');

  it('gives the module to semodule, and looks whether the kernel has it then', async () => {
    const module = install();
    expect(await module.state()).toEqual({ mode: 'enforcing', loaded: 'none' });
    await module.install();
    expect(await module.state()).toEqual({ mode: 'enforcing', loaded: 'current' });
    expect(asked()).toBe(`--install ${root}/shipped\n`);
  });

  it('tells another version from what came with this Paddock', async () => {
    const module = install();
    await module.install();
    file('shipped', '(block paddock_text_aaaaaaaaaaaa (type mark) (roletype object_r mark))\n');
    expect(await module.state()).toMatchObject({ loaded: 'another' });
    file('shipped', '; no mark\n');
    expect(await module.state()).toMatchObject({ loaded: 'another' });
  });

  it.each([
    ['semodule refuses it', 'echo Failed to resolve >&2; exit 1', 'refused: Failed to resolve'],
    ['the kernel does not have it afterwards', 'exit 0', 'the kernel has none'],
  ])('fails when %s', async (_, script, why) => {
    const failure = { code: 'PROFILE_NOT_LOADED', message: expect.stringContaining(why) };
    await expect(install(script).install()).rejects.toMatchObject(failure);
  });

  it('is refused where the kernel does not use SELinux, or there is no semodule', async () => {
    const module = install();
    rmSync(join(root, 'semodule'));
    await expect(module.install()).rejects.toMatchObject({ message: expect.stringContaining('there is no ') });
    rmSync(join(root, 'sys'), { recursive: true });
    const failure = { code: 'PROFILE_NOT_LOADED', message: expect.stringContaining('does not use SELinux') };
    await expect(module.install()).rejects.toMatchObject(failure);
  });

  it('is taken back, and not while something runs under it', async () => {
    const module = install();
    await module.install();
    file('proc/1/attr/current', 'system_u:system_r:init_t:s0\0');
    file('proc/70/attr/current', 'system_u:system_r:paddock_sandbox.process:s0:c1,c2\0');
    file('proc/71/attr/current', 'system_u:system_r:paddock_server.process:s0:c1,c2\0');
    file('proc/72/attr/current', 'system_u:system_r:not_paddock_sandbox.process:s0:c1,c2\0');
    await expect(module.uninstall()).rejects.toMatchObject({
      message: expect.stringMatching(/^2 processes run under/),
    });
    for (const pid of [70, 71]) rmSync(join(root, `proc/${pid}`), { recursive: true });
    expect(await module.uninstall()).toBe(true);
    expect(await module.state()).toMatchObject({ loaded: 'none' });
    expect(await module.uninstall()).toBe(false);
  });
});

describe('the shipped SELinux module', () => {
  const text = readFileSync('profiles/selinux/paddock.cil', 'utf8');
  const rules = text.replace(/;.*$/gm, '');

  it('is marked by its own text, so that a kernel can tell which one it has', () => {
    const above = text.slice(0, text.indexOf('\n; By this anybody can tell'));
    const digest = createHash('sha256').update(above).digest('hex').slice(0, 12);
    expect(/paddock_text_([0-9a-f]+)/.exec(text)?.[1]).toBe(digest);
  });

  it('has the types that sandboxes ask for, bound to their categories', () => {
    for (const type of Object.values(sandboxTypes)) {
      const block = new RegExp(`^\\(block ${type.replace('.process', '')}\\n(.*?)\\n\\n`, 'ms').exec(rules)?.[1];
      expect(block).toContain('(blockinherit paddock_sandbox_base)');
      expect(block).toContain('(typeattributeset mcs_constrained_type (process))');
    }
  });

  it('takes no attribute by which a policy gives containers more, and needs no newer compiler', () => {
    const attributes = [...rules.matchAll(/\(typeattributeset (\w+) /g)].map(([, name]) => name);
    expect(new Set(attributes)).toEqual(
      new Set(['domain', 'process_user_target', 'mcs_constrained_type', 'file_type']),
    );
    expect(rules).not.toContain('(deny ');
  });

  it('allows no capability, key, odd socket, user namespace or way to another label but where it says so', () => {
    const base = rules.slice(0, rules.indexOf('(block paddock_sandbox\n'));
    const own = [...base.matchAll(/\(allow process (?:self|process) \((\w+) \(([^)]*)\)/g)];
    const classes = own.map(([, name]) => name);
    expect(
      classes.filter((name) => /capability|cap_|key|namespace|bpf|perf|io_uring|module|system/.test(name ?? '')),
    ).toEqual([]);
    const families = ['unix_stream_socket', 'unix_dgram_socket', 'netlink_route_socket', 'tcp_socket', 'udp_socket'];
    expect(classes.filter((name) => name?.endsWith('socket') === true)).toEqual(families);
    const verbs = own.flatMap(([, , list]) => (list ?? '').split(/\s+/));
    const escapes = [
      'ptrace',
      'setexec',
      'setcurrent',
      'setfscreate',
      'setkeycreate',
      'setsockcreate',
      'dyntransition',
      'transition',
    ];
    expect(verbs.filter((verb) => [...escapes, 'nlmsg_write', 'execheap'].includes(verb))).toEqual([]);
    expect(base).not.toMatch(/\(allow process .*(?:mounton|relabel|mac_admin)/);
  });

  it('allows the server what it is handed and the sockets that are shown to it, and says nothing else of it', () => {
    const begin = rules.indexOf('(block paddock_server\n');
    const block = rules.slice(begin, rules.indexOf('(booleanif ', begin));
    const allow = /\(allow (\S+) (\S+) \((\w+) \(([^()]*)\)\)\)/g;
    const allowed = [...block.matchAll(allow)];
    expect(allowed.map(([, by, what, kind, verbs]) => [by, what, kind, verbs?.replaceAll(/\s+/g, ' ')])).toEqual([
      [
        ...['process', 'unconfined_t', 'unix_stream_socket'],
        'accept connectto getattr getopt ioctl listen read setopt shutdown write',
      ],
      ['process', 'unconfined_t', 'fifo_file', 'append getattr ioctl lock read write'],
      ['process', 'container_runtime_domain', 'unix_stream_socket', 'connectto'],
      ['process', 'container_engine_domain', 'unix_stream_socket', 'connectto'],
      ['process', 'user_tmp_t', 'sock_file', 'getattr write'],
      ['process', 'user_runtime_t', 'sock_file', 'getattr write'],
      ['process', 'container_var_run_t', 'sock_file', 'getattr write'],
    ]);
    const optional = ['engine_of_users', 'engine_of_runtime', 'engine_of_engines'];
    const sockets = ['socket_in_tmp', 'socket_in_runtime', 'socket_of_containers'];
    const rest = [
      ...['(block paddock_server', '(blockinherit paddock_sandbox_base)'],
      ...optional.map((name) => `(optional ${name})`),
      '(dontaudit process self (process (setsockcreate)))',
      ...sockets.map((name) => `(optional ${name})`),
    ];
    const said = block.replaceAll(allow, '').replaceAll(/\s+/g, ' ').replaceAll(' )', ')').trim();
    expect(said).toBe(rest.join(' '));
  });

  it('has TCP and UDP only where the site switched them on', () => {
    expect(rules).toContain('(boolean paddock_sandbox_loopback false)');
    const at = rules.indexOf('(booleanif paddock_sandbox_loopback');
    expect(rules.indexOf('tcp_socket')).toBeGreaterThan(at);
    expect(rules.indexOf('udp_socket')).toBeGreaterThan(at);
  });

  it('has them for the server by a switch of its own, off as well, and nothing more by it than sandboxes by theirs', () => {
    const switched = (name: string) => {
      const [said = '', own] = rules.split(`(booleanif ${name}`);
      expect(said).toContain(`(boolean ${name} false)`);
      return (own ?? '')
        .slice(0, (own ?? '').indexOf('\n\n'))
        .replaceAll(/\s+/g, ' ')
        .replace(/\)+ ?$/, '');
    };
    expect(switched('paddock_server_network')).toContain('(tcp_socket (accept ');
    expect(switched('paddock_server_network')).toBe(switched('paddock_sandbox_loopback'));
  });
});
