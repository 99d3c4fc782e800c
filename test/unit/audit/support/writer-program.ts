import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

export interface WriterProgram extends AsyncDisposable {
  /** What node runs for writer-process.ts. */
  readonly path: string;
}

/** writer-process.ts and what it imports as plain JavaScript, made once: tsx would cost every process half a second. */
export async function compileWriter(): Promise<WriterProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'paddock-writer-'));
  const program = 'test/unit/audit/support/writer-process.ts';
  const rooms = ['src/core', 'src/kit', 'src/audit'];
  const listed = await Promise.all(
    rooms.map(async (room) => (await readdir(room, { recursive: true })).map((name) => join(room, name))),
  );
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  for (const file of [program, ...listed.flat().filter((name) => name.endsWith('.ts'))]) {
    const { outputText } = ts.transpileModule(await readFile(file, 'utf8'), { compilerOptions: options });
    const out = join(folder, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, outputText);
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  return {
    path: join(folder, program.replace(/\.ts$/, '.js')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
