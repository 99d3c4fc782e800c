// Goes through a queue again and again until it is told to end; says how often it was in it, and how often it met another there.
import { rmSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../../../src/kit/clock.js';
import { whileAlone } from '../../../../src/session/queues.js';

const [queue = '', rounds = '0'] = process.argv.slice(2);
const clock = { ...systemClock, sleep: () => turn() };
let met = 0;
process.stdout.write('begun\n');
for (let times = 0; times < Number(rounds); times += 1) {
  await whileAlone(queue, { clock }, async () => {
    try {
      writeFileSync(`${queue}-inside`, '', { flag: 'wx' });
    } catch {
      met += 1;
    }
    await turn();
    rmSync(`${queue}-inside`, { force: true });
  });
}
process.stdout.write(`met ${met}\n`);
