import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Compiles a support file, and what it imports, into `folder`, so that a process of it starts without a compiler; returns the program. */
export function compile(folder: string, program: string): string {
  const done = new Set<string>();
  const first = fileURLToPath(new URL(program, import.meta.url));
  for (const todo = [first]; todo.length > 0; ) {
    const file = todo.pop() ?? '';
    if (done.has(file)) continue;
    done.add(file);
    const out = join(folder, relative(root, file).replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const text = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText;
    writeFileSync(out, text);
    for (const [, path = ''] of text.matchAll(/ from '(\.[^']+)\.js'/g)) todo.push(join(dirname(file), `${path}.ts`));
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, relative(root, first).replace(/\.ts$/, '.js'));
}
