// `npm run lint:code`: what `lint:types` and `lint:eslint` check, on one program. Each of them alone resolves every type
// of the project; together they do it once, which halves the longest part of `npm run check`.
import { ESLint } from 'eslint';
import ts from 'typescript';

const folders = ['src', 'test', 'bench'];
const host = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic(diagnostic) {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
  },
};
const config = ts.getParsedCommandLineOfConfigFile('tsconfig.test.json', {}, host);
const program = ts.createProgram({
  rootNames: config.fileNames,
  options: config.options,
  configFileParsingDiagnostics: config.errors,
});

// ESLint first: the compiler then finds most types resolved. The other way round takes longer.
const eslint = new ESLint({
  overrideConfig: { languageOptions: { parserOptions: { project: null, programs: [program] } } },
});
const results = await eslint.lintFiles(folders);
const messages = results.reduce((sum, { errorCount, warningCount }) => sum + errorCount + warningCount, 0);
const formatter = await eslint.loadFormatter('stylish');
process.stdout.write(await formatter.format(results));

const diagnostics = ts.sortAndDeduplicateDiagnostics(ts.getPreEmitDiagnostics(program));
process.stdout.write(
  ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => process.cwd(),
    getNewLine: () => '\n',
  }),
);
process.stdout.write(`lint: ${results.length} files, ${messages} findings, ${diagnostics.length} type errors\n`);
process.exitCode = messages + diagnostics.length > 0 || results.length === 0 ? 1 : 0;
