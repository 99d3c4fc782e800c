import { Readable } from 'node:stream';
import { newCommandId } from '../src/kit/random-id.js';
import type { CommandOptions } from '../src/sandbox/command/command.js';
import { type CommandBench, limits, overMcp } from './commands.js';
import { quiet } from './quiet.js';
import { percentile } from './statistics.js';

const mib = 1024 * 1024;
const outputBytes = 256 * mib;
/** Of the engines, which take longer. */
const engineOutputBytes = 64 * mib;
const inputBytes = 64 * mib;

export interface Rates {
  readonly what: string;
  /** MiB/s, the median of the rounds. */
  readonly mibPerSecond: number;
}

/**
 * Ours `rounds` times, then the engine's. Before anything else is measured: Podman's conmons keep the pipes of every exec for
 * minutes, and once a user has 64 MiB in pipes (`fs.pipe-user-pages-soft`) every new one is a page or two long.
 */
export async function throughput(bench: CommandBench, rounds: number): Promise<Rates[]> {
  const ways: [string, (bench: CommandBench) => Promise<number>][] = [
    ['output, sandbox', outputOfSandbox],
    ['output, session', outputOfSession],
    ['output, execute_command', outputOverMcp],
    ['input, sandbox', inputOfSandbox],
    ['input, session', inputOfSession],
    ['output, REST exec', outputOverRest],
    ['input, REST exec', inputOverRest],
  ];
  const samples = new Map<string, number[]>(ways.map(([what]) => [what, []]));
  for (const [what, run] of ways) {
    for (let round = 0; round < rounds; round += 1) {
      await quiet();
      const startedMs = performance.now();
      const bytes = await run(bench);
      samples.get(what)?.push(bytes / mib / ((performance.now() - startedMs) / 1000));
    }
  }
  return [...samples].map(([what, rates]) => ({ what, mibPerSecond: Math.round(percentile(rates, 50)) }));
}

const zeros = (bytes: number) => ['/usr/bin/head', '-c', String(bytes), '/dev/zero'];
const reader = ['/bin/sh', '-c', 'exec cat >/dev/null'];

async function outputOfSandbox({ session }: CommandBench): Promise<number> {
  let bytes = 0;
  const onOutput: CommandOptions['onOutput'] = (_, chunk) => {
    bytes += chunk.length;
  };
  const request = { argv: zeros(outputBytes), ...limits };
  const command = await session.sandbox.start(newCommandId(), request, { onOutput });
  await command.result;
  return allOf(bytes, outputBytes);
}

async function outputOfSession({ session }: CommandBench): Promise<number> {
  const entry = await session.start({ argv: zeros(outputBytes), ...limits });
  await entry.settled;
  return allOf(entry.command.output.totalBytes, outputBytes);
}

async function outputOverMcp({ client, clientSession }: CommandBench): Promise<number> {
  await overMcp(client, clientSession, { argv: zeros(outputBytes), outputLimit: '4g' });
  return outputBytes;
}

async function outputOverRest({ bare, bareId }: CommandBench): Promise<number> {
  const received = await bare.stream(bareId, zeros(engineOutputBytes));
  if (received < engineOutputBytes) throw new Error(`the engine gave ${received} bytes`);
  return engineOutputBytes;
}

async function inputOfSandbox({ session }: CommandBench): Promise<number> {
  const request = { argv: reader, ...limits };
  const command = await session.sandbox.start(newCommandId(), request, { stdin: input(inputBytes) });
  await command.result;
  return inputBytes;
}

async function inputOfSession({ session }: CommandBench): Promise<number> {
  const entry = await session.start({ argv: reader, ...limits }, { stdin: input(inputBytes) });
  await entry.settled;
  return inputBytes;
}

async function inputOverRest({ bare, bareId }: CommandBench): Promise<number> {
  await bare.stream(bareId, reader, inputBytes);
  return inputBytes;
}

function input(bytes: number): Readable {
  const piece = Buffer.alloc(64 * 1024);
  let left = bytes;
  return new Readable({
    read() {
      this.push(left > 0 ? piece : null);
      left -= piece.length;
    },
  });
}

function allOf(bytes: number, wanted: number): number {
  if (bytes !== wanted) throw new Error(`${bytes} bytes came of ${wanted}`);
  return bytes;
}
