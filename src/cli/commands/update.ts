import type { SessionId } from '../../core/ids.js';
import { systemClock } from '../../kit/clock.js';
import { Disposables } from '../../kit/disposables.js';
import type { UpdateRequest } from '../../policy/request.js';
import { decideUpdate } from '../../policy/update.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import { claimSession } from '../../session/control/claim-session.js';
import { HolderGone, updateHeld } from '../../session/control/client.js';
import type { SessionRecord } from '../../session/record.js';
import { planOf, updateSession } from '../../session/update.js';
import { type UpdateReport, updateText } from '../../session/update-report.js';
import { App } from '../app.js';
import { type CliCommand, type CliOptions, type CommandContext, text } from '../command.js';
import { afterLoss, holderOf } from '../holder.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';
import { adopt, oneId, recordOf } from './detached.js';

const options = {
  lifetime: { type: 'string', help: 'when it is to end, counted from its creation, such as 8h' },
  'ends-in': { type: 'string', help: 'the same, counted from now, such as 30m' },
  idle: { type: 'string', help: 'how long it may be without a command before it ends, such as 45m' },
  memory: { type: 'string', help: 'memory limit, such as 512m or 2g' },
  cpus: { type: 'string', help: 'CPU limit, such as 0.5 or 2' },
  'cpu-shares': { type: 'string', help: 'CPU weight; 1024 is normal' },
  pids: { type: 'string', help: 'limit of processes and threads' },
  disk: { type: 'string', help: 'how much a writable project may have grown since its creation, such as 20g' },
} as const satisfies CliOptions;

export const update: CliCommand = {
  name: 'update',
  usage: 'update ID [OPTIONS]',
  summary: 'gives a running session more or less time, memory, CPU, processes or disk',
  mostPositionals: 1,
  options,
  async run(context) {
    const id = oneId(context.positionals);
    const request = requestOf(context);
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, id);
    refuseEarly(app, record, request);
    const done = await changed(app, record, request, context);
    await report(context, done, updateText(done));
    return 0;
  },
};

/** By whoever holds the session, or takes it over for that; by this process where nobody needs to hold it. */
async function changed(
  app: App,
  record: SessionRecord,
  request: UpdateRequest,
  context: CommandContext,
): Promise<UpdateReport> {
  const socket = await holderOf(app, record, context);
  if (socket === undefined) return await changedHere(app, record, request, context.signal);
  try {
    return await updateHeld(socket, request, context.signal);
  } catch (thrown) {
    throw thrown instanceof HolderGone ? await afterLoss(record, thrown) : thrown;
  }
}

async function changedHere(
  app: App,
  record: SessionRecord,
  request: UpdateRequest,
  signal: AbortSignal,
): Promise<UpdateReport> {
  // Alone: two that save its record at once would each keep half of what was asked.
  await using held = new Disposables();
  held.use(await claimSession(app.store, record.id as SessionId));
  const session = await adopt(app, record);
  held.defer(() => session.letGo());
  const [audit, admission] = await Promise.all([app.audit(), app.admission()]);
  const parts = { store: app.store, audit, clock: systemClock, policy: app.createContext(), admission };
  return await updateSession(session, request, parts, signal);
}

/** The holder judges it too; here before any process is started for it. */
function refuseEarly(app: App, record: SessionRecord, request: UpdateRequest): void {
  const { createdAtMs, spec } = record;
  const facts = { plan: planOf(record), spec, createdAtMs, nowMs: systemClock.now() };
  const verdict = decideUpdate(request, facts, app.createContext());
  if (verdict.verdict === 'deny') throw toPolicyDenied(verdict);
}

/** What can't be read is passed on as it is and refused by policy with a rule id. */
function requestOf(context: CommandContext): UpdateRequest {
  const given = (flag: keyof typeof options) => text(context, flag);
  const whole = (flag: 'cpu-shares' | 'pids') => {
    const value = given(flag);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : value;
  };
  const request = {
    lifetime: given('lifetime'),
    endsIn: given('ends-in'),
    idleTimeout: given('idle'),
    memory: given('memory'),
    cpus: given('cpus'),
    cpuShares: whole('cpu-shares'),
    pids: whole('pids'),
    disk: given('disk'),
  };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}
