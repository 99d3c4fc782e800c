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

/** Undefined where the kernel does not use SELinux. `sysRoot`: default `/sys`. */
export function selinuxMode(sysRoot = '/sys'): 'enforcing' | 'permissive' | undefined {
  const enforce = readProcFile(`${sysRoot}/fs/selinux/enforce`);
  return enforce === undefined ? undefined : enforce.trim() === '1' ? 'enforcing' : 'permissive';
}

/**
 * Whether the policy in the kernel has a type. Read without any right: whoever writes a label to `context` is told whether it is valid, and
 * changes nothing. False as well where that can't be asked.
 */
export function isTypeLoaded(type: string, sysRoot = '/sys'): boolean {
  let file: number | undefined;
  try {
    file = openSync(`${sysRoot}/fs/selinux/context`, 'r+');
    writeSync(file, `system_u:object_r:${type}:s0`);
    return true;
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
