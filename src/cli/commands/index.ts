import type { CliCommand } from '../command.js';

/**
 * Every command, in the order `paddock help` lists them. Each is loaded when it is called: `run` must not pay for the
 * MCP SDK, which takes longer to load than a sandbox takes to start.
 */
export const commandLoaders: Readonly<Record<string, () => Promise<CliCommand>>> = {
  serve: async () => (await import('./serve.js')).serve,
  keys: async () => (await import('./keys.js')).keys,
  run: async () => (await import('./run.js')).run,
  agent: async () => (await import('./agent.js')).agent,
  create: async () => (await import('./create.js')).create,
  exec: async () => (await import('./exec.js')).exec,
  cp: async () => (await import('./cp.js')).cp,
  ps: async () => (await import('./ps.js')).ps,
  inspect: async () => (await import('./inspect.js')).inspect,
  stats: async () => (await import('./stats.js')).stats,
  update: async () => (await import('./update.js')).update,
  network: async () => (await import('./network.js')).network,
  approve: async () => (await import('./approve.js')).approve,
  changes: async () => (await import('./changes.js')).changes,
  logs: async () => (await import('./logs.js')).logs,
  snapshot: async () => (await import('./snapshot.js')).snapshot,
  snapshots: async () => (await import('./snapshots.js')).snapshots,
  fork: async () => (await import('./fork.js')).fork,
  compare: async () => (await import('./compare.js')).compare,
  apply: async () => (await import('./apply.js')).apply,
  discard: async () => (await import('./discard.js')).discard,
  rm: async () => (await import('./rm.js')).rm,
  doctor: async () => (await import('./doctor.js')).doctor,
  prune: async () => (await import('./prune.js')).prune,
  keep: async () => (await import('./keep.js')).keep,
  image: async () => (await import('./image.js')).image,
  kube: async () => (await import('./kube.js')).kube,
  profiles: async () => (await import('./profiles.js')).profiles,
  audit: async () => (await import('./audit.js')).audit,
  encryption: async () => (await import('./encryption.js')).encryption,
  config: async () => (await import('./config.js')).config,
  'man-pages': async () => (await import('./man-pages.js')).manPagesOf(Object.values(commandLoaders)),
};
