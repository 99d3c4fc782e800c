import { Checkpoints, type HeadSource } from '../../audit/anchor/checkpoints.js';
import { openHostKey, readPublicKey } from '../../audit/anchor/host-key.js';
import type { ChainState } from '../../audit/chain-ledger.js';
import { readJournal } from '../../audit/forward/journal.js';
import { readBytes } from '../../audit/line-reader.js';
import { verifyAudit } from '../../audit/verify.js';
import type { VerifyReport } from '../../audit/verify-report.js';
import type { Config } from '../../config/load.js';
import { PaddockError } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { type CommandContext, text } from '../command.js';
import { auditKeyPath } from '../open-audit-log.js';
import { report } from '../output.js';
import { callerUid } from '../settings.js';

/** `paddock audit verify`: by itself, against the anchor, and against heads that were forwarded. */
export async function verifyLog(context: CommandContext, config: Config): Promise<number> {
  const path = config.auditLogPath;
  const anchor = text(context, 'anchor') ?? config.audit.anchorPath;
  const against = text(context, 'against');
  const sources = headSources(context, anchor, against);
  const checkpoints = async () => await Checkpoints.read(sources(), await keyOf(context, config));
  const anchored = anchor === undefined && against === undefined ? {} : { checkpoints };
  const result = await verifyAudit(path, { signal: context.signal, ...anchored });
  refuseWhatHoldsNothing(context, result);
  await report(context, { path, ...result }, inWords(result).join('\n'));
  return result.ok ? 0 : 8;
}

/** What nothing is held against would look as if everything held: each place that was named has to have a head of this log, whatever the others have. */
function refuseWhatHoldsNothing(context: CommandContext, { ok: isWhole, heldAgainst = [] }: VerifyReport): void {
  const named = [text(context, 'against'), text(context, 'anchor')];
  const empty = heldAgainst.find(({ name, checkpoints }) => named.includes(name) && checkpoints === 0);
  if (!isWhole || empty === undefined) return;
  const isAnchor = empty.name === text(context, 'anchor');
  throw new PaddockError('BAD_ARGUMENT', `${safeLine(empty.name)} has no head of this log to hold it against`, {
    hint: isAnchor
      ? 'See whether it is the file that audit.anchor names, and whether somebody has emptied it.'
      : 'See whether audit.forward is set and --key is the right one; who may read the journal is a matter of groups (systemd-journal).',
  });
}

function headSources(context: CommandContext, anchor: string | undefined, against: string | undefined) {
  const sinceMs = timeOf(context, 'since');
  const isShared = text(context, 'key') !== undefined;
  const forwarded = (place: string): HeadSource => {
    const bytes = place === 'journal' ? readJournal(callerUid(), context.signal) : readBytes(place);
    return { name: place, bytes, isMixed: true, isShared, sinceMs };
  };
  // The anchor last: it is the one that the user of the log can write to.
  return (): HeadSource[] => [
    ...(against === undefined ? [] : [forwarded(against)]),
    ...(anchor === undefined ? [] : [{ name: anchor, bytes: readBytes(anchor), sinceMs }]),
  ];
}

async function keyOf(context: CommandContext, config: Config) {
  const given = text(context, 'key');
  return given === undefined ? (await openHostKey(auditKeyPath(config))).publicKey : await readPublicKey(given);
}

function inWords(result: VerifyReport): string[] {
  const { records, chainCount, fileCount, removedThrough, firstBad: bad } = result;
  const files = fileCount > 1 || removedThrough !== undefined ? ` in ${fileCount} files` : '';
  const summary = `${records} records in ${chainCount} chains${files}`;
  const count = (...states: ChainState[]) => result.chains.filter(({ state }) => states.includes(state)).length;
  const [unclosed, continued] = [count('open', 'ended'), count('continued')];
  return [
    bad === undefined
      ? `the audit log verifies: ${summary}`
      : `the audit log does NOT verify: ${bad.file === undefined ? '' : `${bad.file}, `}line ${bad.line}: ${bad.reason}`,
    ...(result.checkpoints === undefined ? [] : [heldText(result)]),
    ...(removedThrough === undefined ? [] : [`the log says that its first ${removedThrough + 1} files were removed`]),
    ...result.torn.map(({ file, line, bytes }) => `${file ?? ''} line ${line}: ${bytes} bytes of a record cut short`),
    ...(unclosed > 0 ? [`${unclosed} chains have no closing record (their process was killed, or still runs)`] : []),
    ...(continued > 0
      ? [`${continued} chains go on in another one (in the next file, or after a write that failed)`]
      : []),
    ...(result.openIntents > 0 ? [`${result.openIntents} actions have no recorded outcome`] : []),
  ];
}

function heldText({
  ok: isWhole,
  checkpoints = 0,
  goneCheckpoints = 0,
  otherCheckpoints = 0,
  unreadableCheckpoints: torn = 0,
  heldAgainst = [],
}: VerifyReport): string {
  // Of a log that does not verify those of what comes after the break count here as well, and it says nothing of them.
  const gone =
    goneCheckpoints === 0
      ? ''
      : `; ${goneCheckpoints} more ${isWhole ? 'are of files that were removed, as the log itself says' : 'were not come to'}`;
  const others = otherCheckpoints === 0 ? '' : `; ${otherCheckpoints} that another key has signed were passed over`;
  const unreadable = torn === 0 ? '' : `; cut short or damaged, and passed over: ${torn}`;
  // An anchor and a journal have most of them both.
  const places =
    heldAgainst.length > 1
      ? heldAgainst.map(({ name, checkpoints: found }) => `${safeLine(name)} (${found})`).join(' and ')
      : heldAgainst.map(({ name }) => safeLine(name)).join('');
  return `held against ${checkpoints - goneCheckpoints} checkpoints of ${places}${gone}${others}${unreadable}`;
}

export function timeOf(context: CommandContext, name: string): number | undefined {
  const value = text(context, name);
  if (value === undefined) return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw new PaddockError('BAD_ARGUMENT', `--${name} wants a date, like 2026-01-31T12:00:00Z`);
  return ms;
}
