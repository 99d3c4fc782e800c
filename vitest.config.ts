import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Retries are 0: a test that fails now and then is a bug. `unit` needs no engine and no compiler; `native` compiles
// process 1 and runs it, which is mostly waiting; `engine` and `e2e` talk to real rootless engines one file at a time,
// since they share them, and in one process, since a fresh one loads everything anew.
const project = (name: string, include: string[], extra: object = {}) => ({
  // vitest waits a second for what comes by itself: a busy machine takes longer.
  test: { name, include, retry: 0, environment: 'node', expect: { poll: { timeout: 15_000 } }, ...extra },
});

// scripts/test adds up the counts of all its runs from these reports.
const reports = process.env['PADDOCK_TEST_REPORTS'];

export default defineConfig({
  cacheDir: process.env['PADDOCK_VITE_CACHE'] ?? 'node_modules/.vite',
  test: {
    // One more than vitest's own choice on a machine with two processors, where it would be one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: reports ? ['default', ['json', { outputFile: `${reports}/${process.pid}.json` }]] : ['default'],
    projects: [
      // Modules keep no state (CONTRIBUTING.md), so the files of one worker may share them: half the time goes otherwise
      // into loading them again.
      project('unit', ['test/{unit,property,engine-fake}/**/*.test.ts'], {
        testTimeout: 30_000,
        // As long as a test: what some remove after themselves is deep.
        hookTimeout: 30_000,
        isolate: false,
      }),
      project('native', ['test/native/**/*.test.ts'], {
        testTimeout: 30_000,
        // Whoever is first compiles process 1.
        hookTimeout: 60_000,
        isolate: false,
        globalSetup: ['test/native/init/support/build-folder.ts'],
      }),
      project('engine', ['test/{engine,escape}/**/*.test.ts'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        isolate: false,
      }),
      // Where the kernel holds limits (scripts/test-vm): elsewhere there is nothing to test.
      project('limits', ['test/limits/**/*.test.ts'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        isolate: false,
      }),
      // Minutes, and hundreds of megabytes from npm: only `scripts/test --agent-image` runs it.
      project('images', ['test/images/**/*.test.ts'], {
        testTimeout: 600_000,
        hookTimeout: 600_000,
      }),
      // With a real kubectl, which scripts/check-kubernetes finds or fetches.
      project('kubernetes', ['test/kubernetes/**/*.test.ts'], { testTimeout: 60_000, hookTimeout: 60_000 }),
      // With a real Prometheus, likewise scripts/check-monitoring.
      project('monitoring', ['test/monitoring/**/*.test.ts'], { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('e2e', ['test/{mcp,cli,e2e}/**/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 180_000,
        fileParallelism: false,
        isolate: false,
      }),
    ],
  },
});
