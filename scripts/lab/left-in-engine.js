// Names what a run left in an engine of its own: containers in any state, and volumes. Images are the engine's cache.
//   node left-in-engine.js SOCKET        exit 0: nothing · 1: something, or the engine does not answer
import { request } from 'node:http';
import { json } from 'node:stream/consumers';

const socketPath = process.argv[2];

function get(path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, timeout: 20_000, agent: false }, (reply) => resolve(json(reply)));
    call.on('timeout', () => call.destroy(new Error('it took more than 20 s')));
    call.on('error', reject);
    call.end();
  });
}

try {
  const containers = await get('/v1.41/containers/json?all=true');
  const { Volumes: volumes } = await get('/v1.41/volumes');
  const left = [
    ...containers.map(({ Id, Names, State }) => `container ${Id.slice(0, 12)} ${Names.join(' ')} (${State})`),
    ...(volumes ?? []).map(({ Name }) => `volume ${Name}`),
  ];
  for (const line of left) process.stderr.write(`left behind: ${line}\n`);
  process.exitCode = left.length > 0 ? 1 : 0;
} catch (error) {
  process.stderr.write(`cannot ask the engine what was left behind: ${error.message}\n`);
  process.exitCode = 1;
}
