// Adds up the JSON reports of the test runs and says whether what had to run did run.
//   node test-summary.js FOLDER SUITES REQUIRED        SUITES: unit,native,engine,escape,limits,e2e · REQUIRED: podman,docker,limits
// Each failed test is a line `failed: FILE: TEST` with the beginning of its message beneath, indented.
// The last line on stdout is `N passed, N failed, N skipped`. Exit 1 when a test failed, a suite ran nothing, a file
// could not be run, or a test whose name has one of the required words in it was skipped.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const [folder, suiteList = '', wordList = ''] = process.argv.slice(2);
const suites = suiteList.split(',').filter(Boolean);
const words = wordList.split(',').filter(Boolean);

// Which suite a file belongs to, by its folder under test/: as in vitest.config.ts, but that `escape` has to run by itself.
const suiteOf = {
  ...{ unit: 'unit', property: 'unit', 'engine-fake': 'unit' },
  native: 'native',
  ...{ engine: 'engine', escape: 'escape', limits: 'limits' },
  ...{ mcp: 'e2e', cli: 'e2e', e2e: 'e2e' },
  images: 'images',
  kubernetes: 'kubernetes',
  monitoring: 'monitoring',
};

const tests = [];
const problems = [];
for (const name of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  for (const file of report.testResults) {
    const path = relative(process.cwd(), file.name);
    const suite = suiteOf[path.split('/')[1]];
    if (file.assertionResults.length === 0) problems.push(`${path} ran no test: ${file.message ?? ''}`);
    else if (file.status !== 'passed' && file.assertionResults.every(({ status }) => status !== 'failed')) {
      problems.push(`${path} failed outside its tests: ${file.message ?? ''}`);
    }
    for (const { status, fullName, failureMessages = [] } of file.assertionResults) {
      tests.push({ suite, path, status, fullName, message: failureMessages.join('\n') });
    }
  }
}

/** Enough to see what it was where all else is out of reach. */
const messageLines = 12;
const indented = (message) => {
  const lines = stripVTControlCharacters(message).split('\n', messageLines);
  return lines.map((line) => `  ${line.slice(0, 300)}\n`).join('');
};

const passed = tests.filter(({ status }) => status === 'passed');
const failed = tests.filter(({ status }) => status === 'failed');
const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');

for (const suite of suites) {
  if (!passed.concat(failed).some((test) => test.suite === suite)) problems.push(`the suite ${suite} ran no test`);
}
for (const { path, fullName } of skipped) {
  const word = words.find((one) => new RegExp(`\\b${one}\\b`, 'i').test(fullName));
  if (word === undefined) process.stdout.write(`skipped: ${path}: ${fullName}\n`);
  else problems.push(`skipped, though ${word} is required: ${path}: ${fullName}`);
}
for (const { path, fullName, message } of failed)
  process.stdout.write(`failed: ${path}: ${fullName}\n${indented(message)}`);
for (const problem of problems) process.stdout.write(`${problem.trim()}\n`);
process.stdout.write(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped\n`);
process.exitCode = problems.length > 0 || failed.length > 0 || passed.length === 0 ? 1 : 0;
