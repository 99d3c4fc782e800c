import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/kit/clock.js';
import { HttpServer, type KeyClient, paddock } from '../test/e2e/support/http-server.js';
import { Place } from '../test/e2e/support/place.js';
import { engineKinds } from '../test/engine/support/engines.js';
import { quiet } from './quiet.js';
import { percentile, tenths, timed } from './statistics.js';

/**
 * npm run bench:keys [ROUNDS] -- How long the calls of one key take over `serve --http` while it is alone, while another one hammers beyond its rates, while
 * one that is not good hammers, and while another one's commands take all the processor time that it may have; in turn, in one run, on every engine that answers (`npm run build` before). Whoever is a
 * nuisance is a process of its own, on the same machine: what it takes to be one is in the numbers.
 */
const callsInTurn = 20;
const settledMs = 2000;
const calls = ['execute_command', 'list_sessions'] as const;
const kinds = ['alone', 'refused', 'nobody', 'busy'] as const;
type Kind = (typeof kinds)[number];

const words: Readonly<Record<Kind, string>> = {
  alone: 'alone',
  refused: 'hammers beyond its rates',
  nobody: 'is none that is good, and hammers',
  busy: 'keeps a CPU busy',
};

class Nuisance implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(server: HttpServer, place: Place, kind: Kind, ...options: readonly string[]): Promise<Nuisance> {
    const { secret } =
      kind === 'nobody' ? { secret: 'x'.repeat(48) } : await paddock(place, 'keys', 'create', kind, ...options);
    const program = fileURLToPath(new URL('nuisance.ts', import.meta.url));
    const child = fork(program, [server.url, String(secret), kind]);
    const isReady = once(child, 'message');
    await Promise.race([isReady, once(child, 'exit').then(() => Promise.reject(new Error(`${kind} could not begin`)))]);
    return new Nuisance(child);
  }

  begin(): void {
    this.#child.send('begin');
  }

  /** How often it had which answer. */
  async end(): Promise<Readonly<Record<string, number>>> {
    const said = once(this.#child, 'message');
    this.#child.send('end');
    return ((await said) as [Record<string, number>])[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

class Samples {
  readonly ms = Object.fromEntries(kinds.map((kind) => [kind, calls.map((): number[] => [])]));
  readonly answers = new Map<string, number>();

  take(kind: Kind, answers: Readonly<Record<string, number>>): void {
    for (const [answer, count] of Object.entries(answers)) {
      const key = `${words[kind]}: ${answer}`;
      this.answers.set(key, (this.answers.get(key) ?? 0) + count);
    }
  }

  print(): void {
    console.log('| call | the other key | n | p50 / p95 ms | of alone |\n|---|---|---|---|---|');
    for (const [i, call] of calls.entries()) {
      for (const kind of kinds) {
        const [own, alone] = [this.ms[kind]?.[i] ?? [], this.ms['alone']?.[i] ?? []];
        const of = (percent: number) => percentile(own, percent);
        const ratio = (percent: number) => (of(percent) / percentile(alone, percent)).toFixed(2);
        const times = `${tenths(of(50))} / ${tenths(of(95))} | ${ratio(50)} / ${ratio(95)}`;
        console.log(`| ${call} | ${words[kind]} | ${own.length} | ${times} |`);
      }
    }
    for (const [what, count] of this.answers) console.log(`${what} ${count} times`);
  }
}

async function oneTurn(ada: KeyClient, sessionId: string, into: readonly number[][]): Promise<void> {
  for (let i = 0; i < callsInTurn; i += 1) {
    for (const [at, name] of calls.entries()) {
      const args = name === 'execute_command' ? { sessionId, command: 'true' } : {};
      const answer = await timed(into[at] ?? [], () => ada.call(name, args));
      if (answer.isError) throw new Error(answer.text);
    }
  }
}

async function measure(place: Place, rounds: number): Promise<Samples> {
  await using server = await HttpServer.start(place, ['--calls', '1000000']);
  await using ada = await server.client('ada', '--calls', '1000000');
  const made = await ada.call('create_session', { workspace: 'none' });
  const sessionId = String(made.structured['sessionId']);
  // Sixty calls a minute, three times as many that are refused one by one, and from then on no request gets as far as a call.
  await using refused = await Nuisance.start(server, place, 'refused', '--calls', '60');
  await using nobody = await Nuisance.start(server, place, 'nobody');
  await using busy = await Nuisance.start(server, place, 'busy', '--cpus', '1');
  const samples = new Samples();
  await oneTurn(ada, sessionId, [[], []]);
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      await quiet();
      const nuisance = { alone: undefined, refused, nobody, busy }[kind];
      nuisance?.begin();
      // What it may do it has done by then: that costs the others what anybody's work does.
      await systemClock.sleep(settledMs);
      await oneTurn(ada, sessionId, samples.ms[kind] ?? []);
      if (nuisance !== undefined) samples.take(kind, await nuisance.end());
    }
  }
  return samples;
}

const rounds = Number(process.argv[2] ?? 8);
for (const engine of engineKinds) {
  await using place = await Place.make(engine);
  const samples = await measure(place, rounds);
  console.log(`\nTwo keys and one server, ${engine}\n`);
  samples.print();
}
