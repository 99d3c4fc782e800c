// Runs dependency-cruiser and fails when it cruised nothing: it reports "no violations" on zero modules too.
import { spawnSync } from 'node:child_process';

const run = spawnSync(
  'npx',
  ['--no-install', 'depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'],
  {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  },
);
if (!run.stdout.startsWith('{')) {
  process.stderr.write(run.stdout + run.stderr);
  process.exit(1);
}
const { summary } = JSON.parse(run.stdout);
for (const v of summary.violations) process.stderr.write(`${v.rule.severity} ${v.rule.name}: ${v.from} -> ${v.to}\n`);
process.stdout.write(`boundaries: ${summary.totalCruised} modules, ${summary.violations.length} violations\n`);
if (summary.totalCruised === 0) process.stderr.write('boundaries: nothing was cruised, so nothing was checked\n');
process.exit(summary.violations.length > 0 || summary.totalCruised === 0 ? 1 : 0);
