// Starts a service as the product does, tells where it is, and stays until it is killed.
import { findPodman, PodmanService } from '../../../src/engine/service/podman-service.js';

const podmanPath = await findPodman(process.env);
if (podmanPath === undefined) throw new Error('podman is not installed');
const service = await PodmanService.start({ podmanPath, env: process.env, uid: process.getuid?.() ?? 0 });
process.stdout.write(`${JSON.stringify({ pid: service.pid, socketPath: service.socketPath })}\n`);
setInterval(() => undefined, 1_000);
