import { exec } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { isAppArmorOn, loadedProfile, sandboxProfile } from '../src/confine/apparmor.js';
import { AppArmorRecords } from '../src/confine/apparmor-record.js';
import { selinuxMode } from '../src/confine/selinux.js';
import type { Engine } from '../src/engine/types.js';
import { readProcFile } from '../src/kit/proc/read.js';
import { selinuxFacts } from '../src/sandbox/host-facts.js';
import { Stage } from '../test/engine/support/stage.js';
import { quiet } from './quiet.js';
import { percentile, timed } from './statistics.js';

/** Commands that put our AppArmor profile into the kernel and take it out of it: root's, so whoever runs the bench brings them. */
export interface Switches {
  readonly load: string;
  readonly unload: string;
}

/** What a create takes under our profile and without it. */
export interface Confined {
  readonly profile: 'apparmor' | 'selinux';
  readonly pairs: number;
  readonly withP50Ms: number;
  readonly withoutP50Ms: number;
  /** Of the differences of the pairs. */
  readonly differenceP25Ms: number;
  readonly differenceP50Ms: number;
  readonly differenceP75Ms: number;
  /** Paddock's own part, by itself: what is asked of the kernel before the create, and read of process 1 after it. */
  readonly ownP50Ms: number;
}

const run = promisify(exec);
const warmUps = 4;
/** Whoever goes second finds warmer caches. */
const order = [true, false, false, true];

/**
 * Creates with and without, in turn. AppArmor: process 1 always asks for the profile, and whether it is loaded is
 * switched. SELinux, whose policy takes long to compile: a request without our type, for which the engine takes its own.
 */
export async function measureConfined(engine: Engine, pairs: number, switches?: Switches): Promise<Confined> {
  const profile = selinuxMode() === undefined ? 'apparmor' : 'selinux';
  if (profile === 'apparmor' && switches === undefined) throw new Error('AppArmor: --load and --unload are needed');
  const { kind } = engine.identity;
  await using ours = await Stage.open(kind, { engine });
  await using others = await Stage.open(kind, { engine: profile === 'selinux' ? withoutType(engine) : engine });
  const times: Readonly<Record<'with' | 'without', number[]>> = { with: [], without: [] };
  for (let i = -warmUps; i < 2 * pairs; i += 1) {
    const isWith = order[(i + warmUps) % 4] === true;
    if (switches !== undefined) await run(isWith ? switches.load : switches.unload);
    await quiet();
    await createOnce(isWith ? ours : others, profile, isWith, i < 0 ? [] : times[isWith ? 'with' : 'without']);
  }
  if (switches !== undefined) await run(switches.load);
  return summary(profile, times.with, times.without, await ownWork(profile));
}

/** Throws when the sandbox is under our profile and should not be, or the other way round. */
async function createOnce(stage: Stage, profile: string, isWith: boolean, times: number[]): Promise<void> {
  const { sessions } = stage;
  const session = await timed(times, () => sessions.create({ workspace: 'none', lifetime: '10m', memory: '256m' }));
  const row = session.sandbox.handle.evidence.controls.find(({ id }) => id === profile);
  await sessions.destroy(session.id);
  if ((row?.status === 'enforced') !== isWith) throw new Error(`${profile} is ${row?.status}, asked ${String(isWith)}`);
}

/** The pairs see it through the noise of two starts; here it is alone. */
async function ownWork(profile: Confined['profile']): Promise<number> {
  const records = new AppArmorRecords({ shipped: resolve('profiles/apparmor') });
  const work = {
    apparmor: () => {
      isAppArmorOn();
      readProcFile('/proc/self/attr/apparmor/current');
      records.judge(sandboxProfile, loadedProfile(sandboxProfile));
    },
    selinux: () => {
      selinuxFacts('default');
      readProcFile('/proc/self/attr/current');
    },
  };
  const times: number[] = [];
  const once = async () => {
    work[profile]();
    await Promise.resolve();
  };
  for (let i = 0; i < 300; i += 1) await timed(times, once);
  return hundredths(percentile(times, 50));
}

function withoutType(engine: Engine): Engine {
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'createContainer') return (value as (...args: unknown[]) => unknown).bind(target);
      return (id: string, body: Readonly<Record<string, unknown>>, signal?: AbortSignal) =>
        target.createContainer(id, { ...body, selinux_opts: [] }, signal);
    },
  });
}

function summary(
  profile: Confined['profile'],
  ours: readonly number[],
  others: readonly number[],
  ownP50Ms: number,
): Confined {
  const differences = ours.map((ms, i) => ms - (others[i] ?? Number.NaN));
  const [p25, p50, p75] = [25, 50, 75].map((percent) => hundredths(percentile(differences, percent)));
  return {
    ...{ profile, pairs: ours.length, withP50Ms: hundredths(percentile(ours, 50)) },
    withoutP50Ms: hundredths(percentile(others, 50)),
    ...{ differenceP25Ms: p25 ?? 0, differenceP50Ms: p50 ?? 0, differenceP75Ms: p75 ?? 0, ownP50Ms },
  };
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

export function confinedText(c: Confined): string {
  const share = Math.round((1000 * c.differenceP50Ms) / c.withoutP50Ms) / 10;
  return (
    `Create with our ${c.profile} profile ${c.withP50Ms} ms, without ${c.withoutP50Ms} ms (p50 of ${c.pairs} pairs); difference ` +
    `${c.differenceP50Ms} ms (p25 ${c.differenceP25Ms}, p75 ${c.differenceP75Ms}), ${share} % of the create without; Paddock's own part is ${c.ownP50Ms} ms.`
  );
}
