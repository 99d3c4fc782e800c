import type { EngineInfo } from '../../engine/types.js';
import {
  type DoctorCheck,
  type DoctorContext,
  engineOf,
  type Finding,
  fail,
  noEngine,
  pass,
  warn,
} from '../context.js';
import { packageTool } from '../shell.js';

/**
 * The earliest good release of each line: a version is good when it is at or above the entry of its own major and
 * minor, or above the last entry. From the projects' advisories as of November 2026.
 */
const floors: Readonly<Record<string, readonly string[]>> = {
  podman: ['5.8.10', '6.2.0'],
  docker: ['29.7.0'],
  runc: ['1.3.6', '1.4.3', '1.5.0'],
  crun: ['1.28'],
};

/** Engine and OCI runtime against the releases that fixed the known ways out. Distributions patch without raising the number. */
export const versionsCheck: DoctorCheck = {
  id: 'versions',
  title: 'Engine and OCI runtime have the known fixes',
  async run(ctx, signal) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const { kind, version } = engine.identity;
    const info = await engine.info(signal);
    const judged = [{ name: kind, version }, info.ociRuntime].map(({ name, version: v }) => judge(name, v));
    const evidence = [...judged.map((j) => j.text), ...others(info)].join(', ');
    const low = judged.filter((j) => !j.isGood).map((j) => j.name);
    if (low.length === 0) return pass(evidence);
    return await below(ctx, evidence, low);
  },
};

async function below(ctx: DoctorContext, evidence: string, low: readonly string[]): Promise<Finding> {
  const remedy = await upgrade(ctx, low);
  if (ctx.sitePolicy.versionFloorRequired) return fail(`${evidence} (the site policy requires the floor)`, remedy);
  return warn(`${evidence}; your distribution may have the fixes under the lower number`, remedy);
}

async function upgrade(ctx: DoctorContext, names: readonly string[]): Promise<string> {
  const tool = await packageTool(ctx);
  const aptNames = names.map((name) => (name === 'docker' ? 'docker.io' : name)).join(' ');
  const dnfNames = names.map((name) => (name === 'docker' ? 'moby-engine' : name)).join(' ');
  if (tool === 'apt') return `sudo apt-get update && sudo apt-get install --only-upgrade ${aptNames}`;
  if (tool === 'dnf') return `sudo dnf upgrade ${dnfNames}`;
  return `Upgrade ${names.join(' and ')} with the tool of your distribution`;
}

function judge(name: string, version: string): { name: string; isGood: boolean; text: string } {
  const floor = floors[name];
  if (floor === undefined) return { name, isGood: true, text: `${name} ${version} (no floor known)` };
  const isGood = isAtFloor(version, floor);
  const wanted = isGood ? '' : ` (known good: ${floor.join(' / ')})`;
  return { name, isGood, text: `${name} ${version || 'of unknown version'}${wanted}` };
}

/** A version that can't be read counts as below. */
export function isAtFloor(version: string, floor: readonly string[]): boolean {
  const parts = numbers(version);
  if (parts === undefined) return false;
  const bases = floor.map((text) => numbers(text) ?? zero);
  const last = bases.at(-1);
  if (last !== undefined && compare(parts, last) >= 0) return true;
  return bases.some((base) => base[0] === parts[0] && base[1] === parts[1] && compare(parts, base) >= 0);
}

type Triple = readonly [number, number, number];

const zero: Triple = [0, 0, 0];

function numbers(version: string): Triple | undefined {
  const match = /^v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** conmon, pasta and what else the engine names: shown, so that a report tells what ran. */
function others(info: EngineInfo): readonly string[] {
  const judged = new Set(['podman', info.ociRuntime.name, 'Engine', 'Podman Engine']);
  return info.components.filter(({ name }) => !judged.has(name)).map(({ name, version }) => `${name} ${version}`);
}
