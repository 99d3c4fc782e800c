import { EngineError } from '../../core/errors.js';
import { checkLabelFilter } from '../names.js';
import type { Transport } from '../transport/transport.js';
import type { EngineEvent, EngineInfo, EventsOptions } from '../types.js';
import { type EventBody, event, eventOf } from '../wire/events.js';
import { jsonLines } from '../wire/json-lines.js';
import { parseJson } from '../wire/parse.js';
import { dockerInfo, dockerVersion, infoOfDocker, infoOfPodman, podmanInfo } from '../wire/system.js';
import type { Dialect } from './dialect.js';

export async function readInfo(transport: Transport, dialect: Dialect, signal?: AbortSignal): Promise<EngineInfo> {
  const call = { method: 'GET', signal } as const;
  const info = await transport.call({ ...call, path: `${dialect.root}/info` });
  const text = info.body.toString('utf8');
  if (dialect.kind === 'podman') return infoOfPodman(parseJson(podmanInfo, text, 'info'));
  const version = await transport.call({ ...call, path: `${dialect.root}/version` });
  return infoOfDocker(
    parseJson(dockerInfo, text, 'info'),
    parseJson(dockerVersion, version.body.toString('utf8'), 'version'),
  );
}

/** Ends quietly when the signal fires or the connection breaks; a first answer that is an error is thrown. */
export async function* readEvents(
  transport: Transport,
  dialect: Dialect,
  { labelFilters, sinceMs, onUnreadable }: EventsOptions & { readonly labelFilters: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  const filters = JSON.stringify({ type: ['container'], label: labelFilters.map(checkLabelFilter) });
  if (signal.aborted) return;
  const since = sinceMs === undefined ? {} : { since: String(Math.floor(sinceMs / 1000)) };
  // Podman before 5.3 may send its headers with the first event only: no deadline shorter than a day can be right.
  const call = {
    method: 'GET',
    path: `${dialect.compat}/events`,
    query: { filters, ...since },
    signal,
    timeoutMs: 86_400_000,
  } as const;
  const reply = await transport.stream(call).catch((thrown: unknown) => {
    if (signal.aborted) return undefined;
    throw thrown;
  });
  if (!reply) return;
  try {
    for await (const line of quietly(jsonLines(reply.body, onUnreadable))) {
      const body = parsed(line, onUnreadable);
      if (body?.Type === 'container') yield eventOf(body);
    }
  } finally {
    await reply.close();
  }
}

function parsed(line: string, onUnreadable: (() => void) | undefined): EventBody | undefined {
  try {
    return parseJson(event, line, 'event');
  } catch (thrown) {
    if (onUnreadable === undefined) throw thrown;
    onUnreadable();
    return undefined;
  }
}

/** Ends where the lines break off, in the midst of one too: the caller subscribes again if it wants to. Errors: ENGINE_PROTOCOL. */
async function* quietly(lines: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.code === 'ENGINE_PROTOCOL') throw thrown;
  }
}
