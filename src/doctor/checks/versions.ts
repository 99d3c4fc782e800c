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
import { floors } from '../known-versions.js';
import { packageTool } from '../shell.js';
import { holesOf, isAtFloor } from '../version-order.js';

/** Engine and OCI runtime against the releases that fixed the known ways out. Distributions patch without raising the number. */
export const versionsCheck: DoctorCheck = {
  id: 'versions',
  title: 'Engine and OCI runtime have the known fixes',
  async run(ctx, signal) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const { kind, version } = engine.identity;
    const info = await engine.info(signal);
    const judged = await Promise.all([{ name: kind, version }, info.ociRuntime].map((one) => judge(ctx, one)));
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

interface Judged {
  readonly name: string;
  readonly isGood: boolean;
  readonly text: string;
}

async function judge(ctx: DoctorContext, { name, version }: { name: string; version: string }): Promise<Judged> {
  const floor = floors[name];
  if (floor === undefined) return { name, isGood: true, text: `${name} ${version} (no floor known)` };
  const shown = `${name} ${version || 'of unknown version'}`;
  if (isAtFloor(version, floor)) return { name, isGood: true, text: shown };
  const installed = await ctx.files.debianVersion(name === 'docker' ? 'docker.io' : name);
  const lacking = holesOf(name, version, installed).flatMap(({ cves }) => cves);
  const repaired = holesOf(name, version).flatMap(({ cves }) => cves.filter((cve) => !lacking.includes(cve)));
  const clauses = [
    `known good: ${floor.join(' / ')}`,
    ...(lacking.length === 0 ? [] : [`by its number without the repair of ${lacking.join(', ')}`]),
    ...(repaired.length === 0 ? [] : [`Debian's package ${installed} has that of ${repaired.join(', ')}`]),
  ];
  return { name, isGood: false, text: `${shown} (${clauses.join('; ')})` };
}

/** conmon, pasta and what else the engine names: shown, so that a report tells what ran. */
function others(info: EngineInfo): readonly string[] {
  const judged = new Set(['podman', info.ociRuntime.name, 'Engine', 'Podman Engine']);
  return info.components.filter(({ name }) => !judged.has(name)).map(({ name, version }) => `${name} ${version}`);
}
