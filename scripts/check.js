// `npm run check`: everything that needs no engine, in parallel, in under a minute.
import { spawn } from 'node:child_process';

// The longest first, so that the two that take most run beside each other and the short ones fill the end.
const steps = ['lint:code', 'test:unit', 'lint:boundaries', 'lint:dead', 'lint:biome'];
const started = Date.now();

function run(step) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', step], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('close', (code) => resolve({ step, code, text: Buffer.concat(output).toString() }));
  });
}

// Two at a time: the machines this runs on have two cores, and type-checked linting wants one of them.
const queue = [...steps];
let failed = 0;
async function worker() {
  for (let step = queue.shift(); step; step = queue.shift()) {
    const result = await run(step);
    const ok = result.code === 0;
    if (!ok) failed += 1;
    process.stdout.write(
      `${ok ? 'ok  ' : 'FAIL'} ${step}\n${!ok || step === 'test:unit' ? `${result.text.trimEnd()}\n` : ''}`,
    );
  }
}
await Promise.all([worker(), worker()]);
process.stdout.write(
  `check: ${steps.length - failed} of ${steps.length} steps passed in ${Math.round((Date.now() - started) / 1000)} s\n`,
);
process.exit(failed === 0 ? 0 : 1);
