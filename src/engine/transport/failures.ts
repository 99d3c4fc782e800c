import { EngineError, type ErrorCode } from '../../core/errors.js';
import { safeLine } from '../../kit/safe-text.js';
import { engineWords } from '../wire/failure.js';
import type { Deadline } from './deadline.js';

/** Codes after which nothing can have been answered: the connection was not made, or died before a reply. */
const lostConnection = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ENOENT', 'EAGAIN']);

export function systemCode(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

/** Whether a call that is safe to repeat may be tried once more. */
export function isLostConnection(thrown: unknown): boolean {
  return lostConnection.has(systemCode(thrown));
}

function isProtocolError(thrown: unknown, code: string): boolean {
  // undici gives its parser's errors a code only now and then.
  if (thrown instanceof Error && thrown.name === 'HTTPParserError') return true;
  return code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || code.startsWith('UND_ERR_RES_');
}

/** What undici or the socket threw, as an EngineError. */
export function transportError(thrown: unknown, what: string, deadline?: Deadline): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const ended = deadline?.error(what, thrown);
  if (ended) return ended;
  const code = systemCode(thrown);
  const words = safeLine(thrown instanceof Error ? thrown.message : String(thrown));
  const mapped: ErrorCode = isProtocolError(thrown, code) ? 'ENGINE_PROTOCOL' : 'ENGINE_UNAVAILABLE';
  return new EngineError(mapped, `${what}: ${words}`, { cause: thrown, info: { systemCode: code } });
}

/** An answer with a status that is no success. 404 and 409 have codes of their own; a status that no engine sends is a protocol error. */
export function statusError(status: number, body: Buffer, what: string): EngineError {
  const words = safeLine(engineWords(body));
  const message = `${what}: the engine answered ${status}${words === '' ? '' : `: ${words}`}`;
  return new EngineError(codeOfStatus(status), message, { info: { status, engineWords: words } });
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 404) return 'ENGINE_NOT_FOUND';
  if (status === 409) return 'ENGINE_CONFLICT';
  return status >= 400 ? 'ENGINE_FAILED' : 'ENGINE_PROTOCOL';
}
