import { audited } from '../../audit/audited.js';
import { plain } from '../../audit/redaction.js';
import { PaddockError, SandboxError } from '../../core/errors.js';
import type { ImageScan } from '../../core/image-scan.js';
import { ImageScanner } from '../../image/scan/scan-image.js';
import { ScanStore } from '../../image/scan/scan-store.js';
import { type ScannerName, scannerNames } from '../../image/scan/scanners.js';
import { systemClock } from '../../kit/clock.js';
import { decideScan, judgeScan } from '../../policy/image-scan.js';
import { toPolicyDenied } from '../../policy/verdict.js';
import { App } from '../app.js';
import { BuildOutput } from '../build-output.js';
import { type CommandContext, isSet, text } from '../command.js';
import { report } from '../output.js';
import { scanText } from '../scan-text.js';
import { scanTurn } from '../scan-turn.js';
import { settingsOf } from '../settings.js';

const notApplicable =
  'The host image shows the host’s own programs, and there is no image to scan: keep the host itself up to date.';

/** `paddock image scan REF`: 0, or 3 where the policy would not have a session made of the image. */
export async function scan(context: CommandContext, reference: string | undefined): Promise<number> {
  if (reference === undefined) throw new PaddockError('BAD_ARGUMENT', 'name the image to scan: paddock image scan REF');
  const name = scannerOf(text(context, 'scanner'));
  const decided = decideScan(reference);
  if (decided.verdict === 'deny') throw toPolicyDenied(decided);
  if (!decided.isApplicable) {
    await report(context, { reference, status: 'not applicable', reason: notApplicable }, notApplicable);
    return 0;
  }
  await using app = new App(await settingsOf(context), context.env);
  const store = new ScanStore(app.config.stateDir);
  const found = isSet(context, 'last')
    ? await lastScan(app, store, reference, context.signal)
    : await newScan(context, app, { store, reference, name });
  const nowMs = systemClock.now();
  const { imageRules: rules } = app.config.sitePolicy;
  const verdict = judgeScan({ reference, scan: found, nowMs }, rules);
  const policy =
    verdict.verdict === 'deny'
      ? { verdict: 'deny', ruleId: verdict.ruleId, reason: verdict.reason, next: verdict.hint }
      : { verdict: 'allow', scan: rules.scan, notes: verdict.notes };
  await report(context, { status: 'scanned', ...found, policy }, scanText(found, verdict, rules.scan, nowMs));
  return verdict.verdict === 'deny' ? 3 : 0;
}

interface Wanted {
  readonly store: ScanStore;
  readonly reference: string;
  readonly name: ScannerName | undefined;
}

async function newScan(context: CommandContext, app: App, { store, reference, name }: Wanted): Promise<ImageScan> {
  const [audit, engine] = await Promise.all([app.audit(), app.engine()]);
  const { onStep } = new BuildOutput(context.terminal.stderr);
  const onWait = () => onStep('another scan is running, and comes first');
  const turn = (signal: AbortSignal) => scanTurn(store.folder, { clock: systemClock, signal, onWait });
  const scanner = new ImageScanner({ engine, store, clock: systemClock, env: context.env, turn, onStep });
  return await audited(audit, {
    action: 'image.scan',
    details: { reference: plain(reference), scanner: plain(name ?? 'the first there is') },
    run: () => scanner.scan(reference, context.signal, name),
    describe: ({ imageId, scanner: by, counts, isRecognised }) => ({
      ...{ imageId: plain(imageId), by: plain(`${by.name} ${by.version ?? ''}`.trim()), isRecognised },
      ...{ critical: counts.critical.found, high: counts.high.found, medium: counts.medium.found },
      ...{ low: counts.low.found, unknown: counts.unknown.found },
    }),
  });
}

async function lastScan(app: App, store: ScanStore, reference: string, signal: AbortSignal): Promise<ImageScan> {
  const image = await (await app.engine()).inspectImage(reference, signal);
  if (image === undefined) throw new SandboxError('IMAGE_NOT_FOUND', `the engine has no image ${reference}`);
  const last = await store.last(image.id);
  if (last !== undefined) return last;
  throw new PaddockError('BAD_ARGUMENT', `${reference} has not been scanned`, {
    hint: `Scan it: \`paddock image scan ${reference}\`.`,
  });
}

function scannerOf(name: string | undefined): ScannerName | undefined {
  const found = scannerNames.find((one) => one === name);
  if (name === undefined || found !== undefined) return found;
  throw new PaddockError('BAD_ARGUMENT', `no scanner ${name} is known: there are ${scannerNames.join(', ')}`);
}
