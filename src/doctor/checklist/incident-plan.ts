import { dirname } from 'node:path';
import { type DoctorCheck, type DoctorContext, type Finding, fail, pass, unknown, warn } from '../context.js';
import { word } from '../shell.js';

/** A plan that nobody has looked at for longer names people who have left. */
const mostAgeMs = 366 * 86_400_000;
const leastChars = 200;

/** Somebody has written down whom to call and what to do first: no program can do that, but it can see that it is there. */
export const incidentPlanCheck: DoctorCheck = {
  id: 'incident-plan',
  title: 'There is a plan for incidents',
  async run(ctx) {
    const mine = ctx.isContained ? [] : [`${ctx.paths.home}/.config/paddock/incident-plan.md`];
    const places = [...new Set(['/etc/paddock/incident-plan.md', ...besideSettings(ctx), ...mine])];
    const path = await firstThere(ctx, places);
    const write = `Write down who decides, whom to call, and the first commands (\`paddock ps\`, \`paddock rm ID\`, \`paddock audit export\`), in ${places.join(' or ')}.`;
    if (path === undefined && ctx.isContained) return unseen(places);
    if (path === undefined) return fail(`neither ${places.join(' nor ')}`, write);
    const [facts, text] = await Promise.all([ctx.files.facts(path), ctx.files.readText(path)]);
    const isTheirs = facts !== undefined && ![0, ctx.user.uid].includes(facts.uid);
    if (isTheirs) return warn(`${path} belongs to uid ${facts.uid}, who can write it`, `sudo chown root ${word(path)}`);
    if ((facts?.mode ?? 0) & 0o022) return warn(`others can write ${path}`, `chmod go-w ${word(path)}`);
    if ((text ?? '').trim().length < leastChars) return warn(`${path} has hardly a word in it`, write);
    const ageMs = ctx.clock.now() - (facts?.modifiedAtMs ?? 0);
    const days = Math.floor(ageMs / 86_400_000);
    if (ageMs <= mostAgeMs) return pass(`${path}, last changed ${days} days ago`);
    return warn(`${path} was last changed ${days} days ago`, `Read it, correct it, and touch ${word(path)}.`);
  },
};

/** Settings lie where XDG_CONFIG_HOME says; of the user's own a container is given nothing else. */
function besideSettings({ paths }: DoctorContext): string[] {
  const folders = paths.settings.map((path) => dirname(path)).filter((folder) => folder !== '/etc/paddock');
  return folders.map((folder) => `${folder}/incident-plan.md`);
}

function unseen(places: readonly string[]): Finding {
  return unknown(
    `the host's can't be seen from within a container, which has neither ${places.join(' nor ')}`,
    `On the host, as the same user: \`paddock doctor --checklist\`. Or put the plan where the container has ${places.join(' or ')}.`,
  );
}

async function firstThere(ctx: DoctorContext, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await ctx.files.facts(path))?.kind === 'file') return path;
  return undefined;
}
