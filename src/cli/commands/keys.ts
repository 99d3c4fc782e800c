import { join } from 'node:path';
import { audited } from '../../audit/audited.js';
import { plain } from '../../audit/redaction.js';
import { PaddockError } from '../../core/errors.js';
import { type ApiKey, goodHashes, stateOf } from '../../keys/key.js';
import { type GivenKey, KeyStore } from '../../keys/key-store.js';
import { type SharedRoot, sharedRoots } from '../../keys/shared-roots.js';
import { systemClock } from '../../kit/clock.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, text } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';
import { duration, wishOf, wishOptions } from './key-wish.js';

const usualGraceMs = 60 * 60_000;

export const keys: CliCommand = {
  name: 'keys',
  usage: 'keys create NAME | list | rotate NAME | revoke NAME',
  summary: 'keys of callers: what each may, for how long, and how much of it',
  mostPositionals: 2,
  options: {
    ...wishOptions,
    grace: { type: 'string', help: 'how long the old secret is good after a rotation; 0: not at all (default: 1h)' },
  },
  async run(context) {
    const [action = '', name] = context.positionals;
    const run = Object.hasOwn(actions, action) ? actions[action as keyof typeof actions] : undefined;
    if (run === undefined) throw new PaddockError('BAD_ARGUMENT', 'say create, list, rotate or revoke');
    if ((name === undefined) !== (action === 'list')) {
      throw new PaddockError('BAD_ARGUMENT', action === 'list' ? 'list takes no name' : 'give the name of the key');
    }
    refuseForeignOptions(context, action);
    await using app = new App(await settingsOf(context), context.env);
    return await run(context, app, name ?? '');
  },
};

const actions = { create, list, rotate, revoke } as const;

/** An option that does nothing would be taken for a limit that is there. */
function refuseForeignOptions(context: CommandContext, action: string): void {
  const own = action === 'create' ? Object.keys(wishOptions) : action === 'rotate' ? ['grace'] : [];
  const foreign = Object.keys(keys.options).find((name) => context.values[name] !== undefined && !own.includes(name));
  if (foreign !== undefined) throw new PaddockError('BAD_ARGUMENT', `--${foreign} does not go with ${action}`);
}

function storeOf({ config }: App): KeyStore {
  return new KeyStore(join(config.stateDir, 'keys'), systemClock);
}

async function create(context: CommandContext, app: App, name: string): Promise<number> {
  const wish = await wishOf(context, name, app.config, systemClock.now());
  const given = await audited(await app.audit(), {
    action: 'key.create',
    details: { name: plain(name), tools: wish.tools.map(plain), roots: wish.ceiling.roots.length },
    run: () => storeOf(app).create(wish),
    describe: ({ key }) => ({ key: plain(key.grant.id) }),
    undo: async () => {
      await storeOf(app).revoke(name);
    },
  });
  const { keys: all } = await storeOf(app).list();
  const shared = sharedRoots(given.key, all, systemClock.now());
  const overbooked = overbookedBy(all, app.config.sitePolicy.maxSessions);
  const words = ['It is shown this once.', ...shared.map(sharedWords), ...overbooked.map(overbookedWords)];
  return await show(context, given, words.join('\n'), { sharedRoots: shared, overbooked: overbooked[0] });
}

interface Overbooked {
  /** That all good keys may have at once. */
  readonly sessions: number;
  readonly maxSessions: number;
}

/** Nothing where a server has as many as its keys may have together. */
function overbookedBy(all: readonly ApiKey[], maxSessions: number): readonly Overbooked[] {
  const good = all.filter((key) => stateOf(key, systemClock.now()) === 'good');
  const sessions = good.reduce((sum, { grant }) => sum + grant.quota.sessions, 0);
  return sessions > maxSessions ? [{ sessions, maxSessions }] : [];
}

function overbookedWords({ sessions, maxSessions }: Overbooked): string {
  return (
    `All keys together may have ${sessions} sessions, and a server has ${maxSessions} (max_sessions): some can keep others from ` +
    'what they may have. Give less with --sessions, or have the policy allow more.'
  );
}

function sharedWords({ root, key, itsRoot }: SharedRoot): string {
  const where = root === itsRoot ? `${root} is` : `${root} shares files with ${itsRoot},`;
  return `${where} a folder of the key ${key} as well: what the holder of one applies there, the other one works on.`;
}

async function rotate(context: CommandContext, app: App, name: string): Promise<number> {
  const graceMs = text(context, 'grace') === '0' ? 0 : (duration(context, 'grace') ?? usualGraceMs);
  const given = await audited(await app.audit(), {
    action: 'key.rotate',
    details: { name: plain(name), graceMs },
    run: () => storeOf(app).rotate(name, graceMs),
    describe: ({ key }) => ({ key: plain(key.grant.id) }),
  });
  const until = graceMs === 0 ? 'no more' : `until ${new Date(systemClock.now() + graceMs).toISOString()}`;
  return await show(context, given, `It is shown this once; the one before it is good ${until}.`);
}

async function revoke(context: CommandContext, app: App, name: string): Promise<number> {
  const wasGood = await audited(await app.audit(), {
    action: 'key.revoke',
    details: { name: plain(name) },
    run: () => storeOf(app).revoke(name),
  });
  const how = wasGood ? 'revoked; a server ends its sessions within seconds' : 'had been revoked before';
  await report(context, { name, revoked: true, before: !wasGood }, `${name} ${how}`);
  return 0;
}

async function list(context: CommandContext, app: App): Promise<number> {
  const { keys: all, unreadable, unknown } = await storeOf(app).list();
  const views = all.map((key) => view(key, systemClock.now()));
  const rows = views.map((one) => [
    ...[one.name, one.id, one.state, one.tools.join(',') || '-', one.expiresAt ?? 'never', one.lastUsed ?? 'never'],
  ]);
  const odd = [
    ...unreadable.map((name) => [name, '-', 'unreadable', '-', '-', '-']),
    ...unknown.map((name) => [name, '-', 'unknown', '-', '-', '-']),
  ];
  const lines =
    rows.length + odd.length === 0
      ? 'no keys'
      : table([['NAME', 'ID', 'STATE', 'TOOLS', 'EXPIRES', 'LAST USED'], ...rows, ...odd]);
  await report(context, { keys: views, unreadable, unknown }, lines);
  return 0;
}

async function show(context: CommandContext, { key, secret }: GivenKey, what: string, more = {}): Promise<number> {
  const document = { ...view(key, systemClock.now()), ...more, secret: secret.reveal() };
  await report(context, document, `${secret.reveal()}\n${what}`);
  return 0;
}

function view(key: ApiKey, nowMs: number) {
  const { id, name, tools, ceiling, quota, madeAtMs, expiresAtMs } = key.grant;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return {
    ...{ name, id, state: stateOf(key, nowMs), tools, ceiling, quota, goodSecrets: goodHashes(key, nowMs).length },
    ...{ createdAt: time(madeAtMs), expiresAt: time(expiresAtMs) },
    ...{ revokedAt: time(key.revokedAtMs), lastUsed: time(key.lastUsedMs) },
  };
}
