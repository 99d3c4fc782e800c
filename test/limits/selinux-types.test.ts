import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxTypes } from '../../src/confine/selinux.js';
import { build } from '../escape/support/built.js';
import { isHere, labelForContainers, need } from './support/selinux.js';

describe('what selinux alone denies under a real rootless podman', () => {
  let folder: string;
  beforeAll(() => {
    if (!isHere) return;
    folder = mkdtempSync(join(homedir(), 'paddock-labels-'));
    build('calls', join(folder, 'calls'));
    copyFileSync('/usr/bin/env', join(folder, 'env'));
    labelForContainers(folder);
  });
  afterAll(() => {
    if (isHere) rmSync(folder, { recursive: true });
  });

  /** What a program prints that root of a user namespace of its own runs, under a type of ours and nothing else of a sandbox. */
  function under(type: string, ...words: readonly string[]): string {
    // A pipe of ours would be out of its reach.
    const path = join(folder, 'output');
    writeFileSync(path, '');
    labelForContainers(path);
    const output = openSync(path, 'w');
    const label = type === '' ? [] : ['runcon', `system_u:system_r:${type}:s0:c1,c2`];
    const [program = '', ...rest] = words;
    const line = ['--user', '--map-root-user', '--mount', '--net', '--uts', ...label, join(folder, program), ...rest];
    const { error } = spawnSync('unshare', line, { stdio: ['ignore', output, 'inherit'] });
    closeSync(output);
    if (error !== undefined) throw error;
    return readFileSync(path, 'utf8');
  }

  const answers = (type: string) =>
    new Map(
      under(type, 'calls')
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
  const sockets = [
    'packet',
    'packet-old',
    'raw',
    'raw6',
    'alg',
    'vsock',
    'netfilter',
    'audit',
    'uevent',
    'sctp',
    'mptcp',
  ];
  const denied = ['EACCES', 'EPERM'];

  it('is every odd socket, key, user namespace, trace and mount, each of which works or is unknown without it', (context) => {
    need(context);
    const outside = answers('');
    const inside = answers(sandboxTypes.default);
    const names = [
      ...sockets.map((name) => `socket-${name}`),
      'add_key',
      'unshare-user',
      'clone-user',
      'ptrace',
      'mount',
      'sethostname',
    ];
    const wrong = names.filter(
      (name) => denied.includes(outside.get(name) ?? '') || !denied.includes(inside.get(name) ?? ''),
    );
    expect(wrong.map((name) => [name, outside.get(name), inside.get(name)])).toEqual([]);
    for (const name of ['packet', 'raw', 'netfilter', 'uevent'])
      expect([name, outside.get(`socket-${name}`)]).toEqual([name, 'ok']);
  });

  it.for([
    [sandboxTypes.debug, ['ptrace'], ['unshare-user', 'mount']],
    [sandboxTypes.nested, ['unshare-user', 'sethostname'], ['ptrace']],
  ] as const)('is less with %s, by what it is for', ([type, open, shut], context) => {
    need(context);
    const inside = answers(type);
    expect(open.map((name) => [name, inside.get(name)])).toEqual(open.map((name) => [name, 'ok']));
    const wrong = [...shut, ...sockets.map((name) => `socket-${name}`)].filter(
      (name) => !denied.includes(inside.get(name) ?? ''),
    );
    expect(wrong).toEqual([]);
  });

  it('is the engine to a sandbox, and nothing but the engine to a Paddock server in a container', (context) => {
    need(context);
    const program = `
      const socket = require('node:net').connect(process.argv[1] === 'tcp' ? { port: 1, host: '127.0.0.1' } : process.argv[1]);
      const end = (word) => { console.log(word); process.exit(); };
      socket.on('connect', () => end('connected')).on('error', (error) => end(error.code));`;
    const socket = process.env['PADDOCK_TEST_PODMAN_SOCKET'] ?? '';
    const reaches = (type: string, where: string) => under(type, 'env', 'node', '-e', program, where).trim();
    expect(reaches('paddock_server.process', socket)).toBe('connected');
    expect(reaches(sandboxTypes.default, socket)).toBe('EACCES');
    expect(reaches('', 'tcp')).toMatch(/ECONNREFUSED|ENETUNREACH/);
    expect(reaches('paddock_server.process', 'tcp')).toBe('EACCES');
  });
});
