import { type DoctorCheck, type DoctorContext, fail, pass, warn } from '../context.js';
import { word } from '../shell.js';

/** A plan that nobody has looked at for longer names people who have left. */
const mostAgeMs = 366 * 86_400_000;
const leastChars = 200;

/** Somebody has written down whom to call and what to do first: no program can do that, but it can see that it is there. */
export const incidentPlanCheck: DoctorCheck = {
  id: 'incident-plan',
  title: 'There is a plan for incidents',
  async run(ctx) {
    const places = ['/etc/paddock/incident-plan.md', `${ctx.paths.home}/.config/paddock/incident-plan.md`];
    const path = await firstThere(ctx, places);
    const write = `Write down who decides, whom to call, and the first commands (\`paddock ps\`, \`paddock rm ID\`, \`paddock audit export\`), in ${places.join(' or ')}.`;
    if (path === undefined) return fail(`neither ${places.join(' nor ')}`, write);
    const [facts, text] = await Promise.all([ctx.files.facts(path), ctx.files.readText(path)]);
    if ((facts?.mode ?? 0) & 0o022) return warn(`others can write ${path}`, `chmod go-w ${word(path)}`);
    if ((text ?? '').trim().length < leastChars) return warn(`${path} has hardly a word in it`, write);
    const ageMs = ctx.clock.now() - (facts?.modifiedAtMs ?? 0);
    const days = Math.floor(ageMs / 86_400_000);
    if (ageMs <= mostAgeMs) return pass(`${path}, last changed ${days} days ago`);
    return warn(`${path} was last changed ${days} days ago`, `Read it, correct it, and touch ${word(path)}.`);
  },
};

async function firstThere(ctx: DoctorContext, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await ctx.files.facts(path))?.kind === 'file') return path;
  return undefined;
}
