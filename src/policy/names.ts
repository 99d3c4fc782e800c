import { labelPrefix } from '../core/labels.js';
import { plainLine } from './text.js';
import { deny } from './verdict.js';

const envName = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const labelName = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const sessionName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const hostName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** The kernel takes no single argument or variable above this (MAX_ARG_STRLEN, 32 pages). */
export const maxArgumentBytes = 128 * 1024;
export const maxEnvEntries = 512;
export const maxLabels = 64;

/** Checks one environment entry (`env.malformed`, `env.reserved`, `request.text`). */
export function checkEnv(name: string, value: string): void {
  if (!envName.test(name)) deny('env.malformed', `not an environment variable's name: ${name}`);
  if (/^paddock_/i.test(name)) deny('env.reserved', `${name} is reserved`);
  plainLine(value, `the value of ${name}`, maxArgumentBytes - 512);
  if (Buffer.byteLength(value) + name.length + 2 > maxArgumentBytes)
    deny('request.text', `the value of ${name} is too long`);
}

/** Splits `NAME=value`. Without `=` engines copy the variable, and with `*` several, from their own process. */
export function splitEnvEntry(entry: string): readonly [string, string] {
  const at = entry.indexOf('=');
  if (at < 1) deny('env.malformed', `an entry of ${entry.length} characters is not of the form NAME=value`);
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** Checks one label of the caller (`labels.malformed`, `labels.reserved`). */
export function checkLabel(name: string, value: string): void {
  if (!labelName.test(name)) deny('labels.malformed', `not a label's name: ${name}`);
  if (name.toLowerCase().startsWith(labelPrefix)) deny('labels.reserved', `${name} is reserved`);
  plainLine(value, `the value of label ${name}`, 1024, 'labels.malformed');
}

export function checkSessionName(value: string): string {
  if (!sessionName.test(value)) deny('name.malformed', `not a session's name: ${value}`);
  return value;
}

export function checkHostname(value: string): string {
  if (!hostName.test(value)) deny('name.malformed', `not a host name: ${value}`);
  return value;
}
