// Waits until an engine answers on a Unix socket, for as long as the process that is to answer lives.
//   node wait-for-engine.js SOCKET PID SECONDS        exit 0: it answered
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [socketPath, pid, seconds] = process.argv.slice(2);

function answers() {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 1_000, agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}

function lives() {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}

const until = Date.now() + Number(seconds) * 1_000;
while (Date.now() < until && lives()) {
  if (await answers()) process.exit(0);
  await sleep(100);
}
process.stderr.write(`no engine answers at ${socketPath}: ${lives() ? `${seconds} s went by` : 'it has ended'}\n`);
process.exit(1);
