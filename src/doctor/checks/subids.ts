import { type DoctorCheck, type DoctorContext, type Finding, fail, hostsOwn, pass, unknown, warn } from '../context.js';
import { installCommand, word } from '../shell.js';

const enough = 65_536;
const firstUsual = 100_000;

interface Range {
  readonly owner: string;
  readonly start: number;
  readonly count: number;
}

/** A user namespace of its own for every sandbox needs ids that belong to the user. */
export const subidsCheck: DoctorCheck = {
  id: 'subids',
  title: 'The user has ids for user namespaces',
  async run(ctx) {
    if (ctx.isContained) return hostsOwn("the host's newuidmap, and which ids its user has,");
    const tools = await Promise.all(['/usr/bin/newuidmap', '/usr/bin/newgidmap'].map((path) => ctx.files.facts(path)));
    if (tools.includes(undefined)) {
      const install = await installCommand(ctx, { apt: 'uidmap', dnf: 'shadow-utils' });
      return fail('newuidmap or newgidmap is missing', install);
    }
    const [uids, gids] = await Promise.all(['/etc/subuid', '/etc/subgid'].map((path) => ranges(ctx, path)));
    const [uidCount, gidCount] = [owned(ctx, uids ?? []), owned(ctx, gids ?? [])];
    const evidence = `${uidCount} subordinate uids and ${gidCount} gids for ${ctx.user.name}`;
    if (Math.min(uidCount, gidCount) >= enough) return pass(evidence);
    return await tooFew(ctx, evidence, [...(uids ?? []), ...(gids ?? [])], Math.min(uidCount, gidCount));
  },
};

async function tooFew(ctx: DoctorContext, evidence: string, all: readonly Range[], have: number): Promise<Finding> {
  const fromElsewhere = /^\s*subid:/m.test((await ctx.files.readText('/etc/nsswitch.conf')) ?? '');
  if (fromElsewhere) {
    return unknown(
      `${evidence} in the files; nsswitch.conf takes them from elsewhere`,
      `getsubids ${word(ctx.user.name)}`,
    );
  }
  // Behind everything that is given out already: two users with one range could enter each other's sandboxes.
  const start = Math.max(firstUsual, ...all.map((range) => range.start + range.count));
  const range = `${start}-${start + enough - 1}`;
  const remedy = `sudo usermod --add-subuids ${range} --add-subgids ${range} ${word(ctx.user.name)} && podman system migrate`;
  return have === 0 ? fail(evidence, remedy) : warn(`${evidence}; images may use up to ${enough}`, remedy);
}

async function ranges(ctx: DoctorContext, path: string): Promise<readonly Range[]> {
  const text = (await ctx.files.readText(path)) ?? '';
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .map(([owner = '', start, count]) => ({ owner, start: Number(start), count: Number(count) }))
    .filter(({ owner, start, count }) => owner !== '' && Number.isSafeInteger(start) && Number.isSafeInteger(count));
}

function owned({ user }: DoctorContext, all: readonly Range[]): number {
  return all
    .filter(({ owner }) => owner === user.name || owner === String(user.uid))
    .reduce((sum, { count }) => sum + count, 0);
}
