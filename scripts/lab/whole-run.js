// What a script starts ends with it: once it is done, where it fails, is told to stop, or takes too long.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
/** As `timeout` has it. */
const tooLong = 124;
/** For an orderly end. A server gives its calls four seconds. */
const usualPatienceMs = 10_000;

class Run {
  #children = new Map();
  #atEnd = [];
  #isEnding = false;

  /** A child that does not outlive this run. */
  spawn(program, args, options) {
    // What goes on behind a stop must not begin anything that nobody waits for.
    if (this.#isEnding) throw new Error('this run is being ended');
    const child = spawn(program, args, options);
    const ended = new Promise((resolve) => {
      for (const event of ['exit', 'error']) child.once(event, resolve);
    }).then(() => this.#children.delete(child));
    this.#children.set(child, ended);
    return child;
  }

  /** Called when all children have ended, the last that was given first. */
  atEnd(step) {
    this.#atEnd.unshift(step);
  }

  async end(patienceMs) {
    this.#isEnding = true;
    const all = Promise.all(this.#children.values());
    for (const child of this.#children.keys()) child.kill('SIGTERM');
    const given = new AbortController();
    const insist = sleep(patienceMs, undefined, given).then(
      () => {
        for (const child of this.#children.keys()) child.kill('SIGKILL');
      },
      () => undefined,
    );
    await all;
    given.abort();
    await insist;
    for (const step of this.#atEnd) step();
  }
}

/** Runs `work`, which may return a status, and ends this process with that: 1 where it throws, 124 after `limitMs`, as the shell has it after a signal. */
export async function wholeRun(limitMs, work, patienceMs = usualPatienceMs) {
  const run = new Run();
  const stopped = new Promise((resolve) => {
    for (const [signal, status] of Object.entries(signals)) process.on(signal, () => resolve(status));
    setTimeout(() => {
      process.stderr.write(`not done after ${limitMs / 1000} s\n`);
      resolve(tooLong);
    }, limitMs);
  });
  const done = work(run).then(
    (status) => status ?? 0,
    (error) => {
      console.error(error);
      return 1;
    },
  );
  const status = await Promise.race([done, stopped]);
  await run.end(patienceMs);
  process.exit(status);
}
