import { PaddockError } from '../../core/errors.js';
import type { ExecRequest } from '../../core/exec.js';
import { isSessionId } from '../../core/ids.js';
import type { RunInside } from '../../sandbox/files/inside.js';
import { execInHeld } from '../../session/control/client.js';
import { SessionFiles } from '../../session/files.js';
import type { SessionRecord } from '../../session/record.js';
import { type TransferReport, transferText } from '../../session/transfers/report.js';
import type { SessionTransfers, TransferContext, TransferSubject } from '../../session/transfers/session-transfers.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet, texts } from '../command.js';
import { holderOf } from '../holder.js';
import { report, write } from '../output.js';
import { whileShown } from '../progress-line.js';
import { ownTransfers } from '../session-transfers.js';
import { settingsOf } from '../settings.js';
import { adopt, recordOf } from './detached.js';

const mostLines = 200;

export const cp: CliCommand = {
  name: 'cp',
  usage: 'cp ID:PATH DST|- | cp SRC|- ID:PATH',
  summary: 'copies files out of a running session, or into it; - is a tar stream',
  mostPositionals: 2,
  options: {
    overwrite: { type: 'boolean', help: 'replace files that are there' },
    named: {
      type: 'string',
      multiple: true,
      help: 'file to copy out although it is withheld, by its path below the copy; repeatable',
    },
  },
  async run(context) {
    const [from = '', to = ''] = context.positionals;
    const [source, target] = [placeOf(from), placeOf(to)];
    if (from === '' || to === '' || (source.id === undefined) === (target.id === undefined)) {
      throw new PaddockError('BAD_ARGUMENT', 'give one path of a session (ID:PATH) and one of this host, or -');
    }
    if (context.json && to === '-') throw new PaddockError('BAD_ARGUMENT', '--json and a tar stream both need stdout');
    if (to === '-' && (isSet(context, 'overwrite') || texts(context, 'named').length > 0)) {
      throw new PaddockError('BAD_ARGUMENT', 'a tar stream overwrites nothing, and nothing of it is withheld');
    }
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, source.id ?? target.id ?? '');
    const transfers = await ownTransfers(app);
    const subject = { sessionId: record.id, run: runIn(app, record, context) };
    const copied = source.id === undefined ? copyTo : copyFrom;
    const result = await whileShown(context.terminal, '', (onProgress) => {
      const transfer = { signal: context.signal, onProgress };
      return copied(transfers, subject, [source.path, target.path], { context, transfer });
    });
    await tell(context, to, result);
    return result.leftOut.length + result.moreLeftOut === 0 ? 0 : 1;
  },
};

interface Place {
  readonly id: string | undefined;
  readonly path: string;
}

function placeOf(word: string): Place {
  const colon = word.indexOf(':');
  const id = word.slice(0, Math.max(0, colon));
  if (!isSessionId(id)) return { id: undefined, path: word };
  return { id, path: word.slice(colon + 1) || '.' };
}

interface Call {
  readonly context: CommandContext;
  readonly transfer: TransferContext;
}

type Paths = readonly [from: string, to: string];

function copyFrom(transfers: SessionTransfers, subject: TransferSubject, [path, hostPath]: Paths, call: Call) {
  const { context, transfer } = call;
  const { stdout } = context.terminal;
  if (hostPath !== '-') return transfers.out(subject, { path, hostPath, ...choices(context) }, transfer);
  return transfers.toStream(
    subject,
    path,
    async (piece) => {
      // Whoever reads has gone away.
      if (stdout.destroyed) throw new PaddockError('INTERRUPTED', 'nobody reads the archive any more');
      await write(stdout, piece);
    },
    transfer,
  );
}

function copyTo(transfers: SessionTransfers, subject: TransferSubject, [hostPath, path]: Paths, call: Call) {
  const { context, transfer } = call;
  if (hostPath !== '-') return transfers.in(subject, { path, hostPath, ...choices(context) }, transfer);
  return transfers.fromStream(subject, context.terminal.stdin, { path, ...choices(context) }, transfer);
}

function choices(context: CommandContext) {
  return { overwrite: isSet(context, 'overwrite'), named: texts(context, 'named') };
}

async function tell(context: CommandContext, to: string, result: TransferReport): Promise<void> {
  const text = transferText(result, mostLines);
  if (to === '-') await write(context.terminal.stderr, `${text}\n`);
  else await report(context, result, text);
}

/** By whoever holds the session, a connection for each command; else, with the engine's exec, by ourselves. */
function runIn(app: App, record: SessionRecord, context: CommandContext): RunInside {
  let own: Promise<RunInside> | undefined;
  return async (request, options) => {
    const socket = await holderOf(app, record, context);
    if (socket !== undefined) return (await execInHeld(socket, rawOf(request), options)).result;
    own ??= adopt(app, record).then((session) => new SessionFiles(session).run);
    return (await own)(request, options);
  };
}

function rawOf({ argv, cwd, timeoutMs, outputCapBytes, outputLimitBytes }: ExecRequest) {
  return {
    ...{ argv, timeout: `${timeoutMs / 1000}s`, outputCap: outputCapBytes, outputLimit: outputLimitBytes },
    ...(cwd === undefined ? {} : { cwd }),
  };
}
