import { stripVTControlCharacters } from 'node:util';
import { PaddockError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { hostPath } from '../../kit/host-path.js';
import { runTool, type ToolEnd, TooMuchOutput } from '../../kit/run-tool.js';
import { safeLine } from '../../kit/safe-text.js';
import type { Environment, FoundScanner } from './find-scanner.js';
import type { ScannerReport } from './findings.js';
import type { Scanner } from './scanners.js';

export interface AskOptions {
  /** The image, as `docker save` writes it. */
  readonly archive: string;
  /** An empty folder: scanners take settings and lists of what to leave out from where they are started. */
  readonly folder: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Default: a quarter of an hour, in which most download a database first. */
  readonly withinMs?: number;
}

/** What an image with thousands of findings comes to is a tenth of this. */
const mostBytes = 64 * 1024 * 1024;
/** Of what was said last, and of that, on one line, in a message. */
const lookedAtChars = 4000;
const quotedChars = 1000;

/** What every program needs, and the way out. No socket of an engine, no key of anything else. */
const common =
  /^(?:HOME|USER|LOGNAME|LANG|LC_ALL|TMPDIR|XDG_(?:CACHE|CONFIG|DATA|RUNTIME)_(?:HOME|DIR)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|all_proxy|ALL_PROXY|SSL_CERT_(?:FILE|DIR))$/;

/** Has a scanner look at an archive, and reads its answer. Errors: SCAN_FAILED, INTERRUPTED. */
export async function askScanner({ scanner, program }: FoundScanner, options: AskOptions): Promise<ScannerReport> {
  const { archive, folder, env, withinMs = 15 * 60_000 } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(withinMs)]);
  const passed = Object.entries(env).filter(([name]) => common.test(name) || scanner.environment.test(name));
  const own = { ...Object.fromEntries(passed), PATH: await hostPath(env) };
  const run = (args: readonly string[]) => runTool(program, { args, cwd: folder, env: own, signal, mostBytes });
  let end: ToolEnd;
  try {
    end = await run(scanner.args(archive));
  } catch (cause) {
    if (options.signal.aborted) throw new PaddockError('INTERRUPTED', 'the scan was cancelled', { cause });
    throw failed(scanner.name, reasonOf(cause, signal, withinMs), cause);
  }
  if (end.code === null || !scanner.answers.includes(end.code)) {
    throw failed(scanner.name, `it ended with ${end.code ?? 'a signal'}${lastWords(end)}`);
  }
  try {
    const said = scanner.read(jsonOf(end));
    return { ...said, ...(await about(scanner, run, said)) };
  } catch (cause) {
    throw failed(scanner.name, 'its answer is not the document that is known of it', cause);
  }
}

/** Asked after the scan, which may have brought the database up to date. That it says nothing of itself is no reason not to take what it found. */
async function about(
  scanner: Scanner,
  run: (args: readonly string[]) => Promise<ToolEnd>,
  said: ScannerReport,
): Promise<Pick<ScannerReport, 'version' | 'databaseAtMs'>> {
  if (scanner.about === undefined) return {};
  try {
    const { version, databaseAtMs } = scanner.about.read(jsonOf(await run(scanner.about.args)));
    return { version: said.version ?? version, databaseAtMs };
  } catch {
    return {};
  }
}

const jsonOf = ({ output }: ToolEnd): unknown => JSON.parse(output.toString('utf8'));

function reasonOf(cause: unknown, signal: AbortSignal, withinMs: number): string {
  if (signal.aborted) return `no answer within ${withinMs / 1000} s`;
  if (cause instanceof TooMuchOutput) return cause.message;
  return `it could not be started (${codeOf(cause) ?? 'unknown'})`;
}

/** Snyk says on stdout what failed, and trivy colours it without a terminal too. What is said last is why. */
function lastWords({ words, output }: ToolEnd): string {
  const said = words.trim() === '' ? output.subarray(-lookedAtChars).toString('utf8') : words;
  const line = safeLine(stripVTControlCharacters(said), 4 * lookedAtChars);
  if (line === '') return ' and said nothing';
  return `: ${line.length > quotedChars ? '…' : ''}${line.slice(-quotedChars)}`;
}

function failed(name: string, why: string, cause?: unknown): PaddockError {
  return new PaddockError('SCAN_FAILED', `${name}: ${why}`, { info: { scanner: name }, cause });
}
