import { closeSync, openSync, writeSync } from 'node:fs';
import type { SeccompVariant } from '../core/spec.js';
import { readProcFile } from '../kit/proc/read.js';

/** Under this name a policy has it: semodule takes it from that of the file, `profiles/selinux/paddock.cil`. */
export const selinuxModule = 'paddock';

/** The type of every process of a sandbox; a filter that opens more has one that does. */
export const sandboxTypes: Readonly<Record<SeccompVariant, string>> = {
  default: 'paddock_sandbox.process',
  debug: 'paddock_sandbox_debug.process',
  nested: 'paddock_sandbox_nested.process',
};

/** The type of a Paddock server in a container; nothing else of ours runs under it. */
export const serverType = 'paddock_server.process';

export type SelinuxMode = 'enforcing' | 'permissive';

/** What a process knows of its own label. */
export interface OwnLabel {
  /** Default: `/proc`. */
  readonly procRoot?: string | undefined;
  /** Default: `writeSync`. */
  readonly write?: (file: number, text: string) => void;
}

/**
 * Undefined where the kernel does not use SELinux, and in a container where it can't be told. `sysRoot`: default `/sys`. Engines show containers
 * nothing of SELinux; but under our own type a server is told by what it is refused.
 */
export function selinuxMode(sysRoot = '/sys', own: OwnLabel = {}): SelinuxMode | undefined {
  const enforce = readProcFile(`${sysRoot}/fs/selinux/enforce`);
  if (enforce !== undefined) return enforce.trim() === '1' ? 'enforcing' : 'permissive';
  const label = labelOfServer(own);
  return label === undefined ? undefined : modeByRefusal(label, own);
}

/** Whether this process is under `serverType`: then the policy has all types of the same module. */
export function isConfinedServer(own: OwnLabel = {}): boolean {
  return labelOfServer(own) !== undefined;
}

function labelOfServer({ procRoot = '/proc' }: OwnLabel): string | undefined {
  const label = readProcFile(`${procRoot}/thread-self/attr/current`)?.replace(/[\0\n]+$/, '');
  return label?.split(':')[2] === serverType ? label : undefined;
}

/**
 * To say which label one's sockets are to have is refused to the type, also when it is the one that they have anyway: where it is not,
 * nothing has changed. Of another thread than this (`self`) any kernel refuses it. That the file can't be opened can have any cause, a mode or
 * another security module, and says nothing: undefined.
 */
function modeByRefusal(label: string, { procRoot = '/proc', write = writeSync }: OwnLabel): SelinuxMode | undefined {
  const file = openExisting(`${procRoot}/thread-self/attr/sockcreate`);
  if (file === undefined) return undefined;
  try {
    write(file, label);
    return 'permissive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'enforcing' : 'permissive';
  } finally {
    closeSync(file);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch {
    return undefined;
  }
}

/**
 * Whether the policy in the kernel has a type. Read without any right: whoever writes a label to `context` is told whether it is valid, and
 * changes nothing. False as well where that can't be asked.
 */
export function isTypeLoaded(type: string, sysRoot = '/sys'): boolean {
  const file = openExisting(`${sysRoot}/fs/selinux/context`);
  if (file === undefined) return false;
  try {
    writeSync(file, `system_u:object_r:${type}:s0`);
    return true;
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}
