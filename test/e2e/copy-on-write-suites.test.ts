import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineKinds } from '../engine/support/engines.js';
import { document, paddock } from './support/paddock.js';
import { Place } from './support/place.js';
import { filesystem, type Suite, suites } from './support/suites.js';
import { treeOf } from './support/tree.js';

const run = promisify(execFile);

interface Ran {
  readonly status: number;
  readonly output: string;
}

interface Report {
  readonly left: readonly { readonly path: string; readonly why: string }[];
}

/** A project over which its suite is run, and what that came to. */
class Proof implements AsyncDisposable {
  readonly place: Place;
  readonly #suite: Suite;

  private constructor(place: Place, suite: Suite) {
    this.place = place;
    this.#suite = suite;
  }

  /** `made`: the project as it was made. */
  static async of(suite: Suite, made: string, kind: (typeof engineKinds)[number]): Promise<Proof> {
    const proof = new Proof(await Place.make(kind), suite);
    await run('cp', ['-a', made, proof.project]);
    return proof;
  }

  get project(): string {
    return join(this.place.root, 'tested');
  }

  /** Over the project, beside which it writes. */
  async inside(command = this.#suite.command): Promise<Ran & { readonly id: string }> {
    const line = [
      '--project',
      this.project,
      '--workspace',
      'cow',
      '--keep',
      '--timeout',
      '5m',
      '--',
      'sh',
      '-c',
      command,
    ];
    const { status, stdout, stderr } = await paddock(this.place, ['run', ...line]);
    const id = /paddock changes (pdk_\w+)/.exec(stderr)?.[1] ?? '';
    return { status: status ?? -1, output: stdout.toString(), id };
  }

  async apply(id: string, ...more: readonly string[]): Promise<Report> {
    return document(await paddock(this.place, ['apply', id, '--json', ...more])) as unknown as Report;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.place[Symbol.asyncDispose]();
  }
}

/** Projects, each of them made and tested without any sandbox once: that is most of the time. */
class Projects implements AsyncDisposable {
  readonly #made = new Map<Suite, string>();
  readonly #outside = new Map<Suite, Ran & { readonly copy: string }>();
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  async of(suite: Suite): Promise<string> {
    const project = join(this.#place.root, String(suites.indexOf(suite)));
    if (!this.#made.has(suite)) {
      await mkdir(project);
      await suite.prepare(project);
      this.#made.set(suite, project);
    }
    return project;
  }

  /** In a copy, without any sandbox. */
  async outside(suite: Suite): Promise<Ran & { readonly copy: string }> {
    const made = await this.of(suite);
    const known = this.#outside.get(suite);
    if (known !== undefined) return known;
    const copy = `${made}-copy`;
    await run('cp', ['-a', made, copy]);
    const ran = await run('sh', ['-c', suite.command], { cwd: copy, maxBuffer: 1 << 26 }).then(
      ({ stdout }) => ({ status: 0, output: stdout }),
      (error: unknown) => {
        const said = (what: 'code' | 'stdout'): unknown => Reflect.get(error as object, what);
        return { status: Number(said('code')), output: `${String(error)}\n${String(said('stdout'))}` };
      },
    );
    this.#outside.set(suite, { ...ran, copy });
    return { ...ran, copy };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#place[Symbol.asyncDispose]();
  }
}

let projects: Projects;
beforeAll(async () => {
  projects = new Projects(await Place.make());
});
afterAll(() => projects[Symbol.asyncDispose]());

describe.each(engineKinds)('a suite of tests over a project that is shown copy-on-write, on %s', (kind) => {
  beforeAll(async () => {
    // The first creation imports the host image, once.
    await using place = await Place.make(kind);
    await paddock(place, ['run', '--', 'true']);
  });

  it.each(suites)('ends as it does outside, and leaves the same once it is applied: $title', async (suite) => {
    await using proof = await Proof.of(suite, await projects.of(suite), kind);
    const before = treeOf(proof.project);
    const outside = await projects.outside(suite);
    expect(outside, outside.output).toMatchObject({ status: 0 });
    expect(suite.summary(outside.output)).not.toEqual([]);

    const inside = await proof.inside();
    expect({ status: inside.status, summary: suite.summary(inside.output) }, inside.output).toEqual({
      ...{ status: 0, summary: suite.summary(outside.output) },
    });
    expect(treeOf(proof.project)).toEqual(before);

    const isVarying = (path: string) => suite.varies?.test(path) ?? false;
    const { left } = await proof.apply(inside.id, '--dry-run');
    expect(left.filter(({ why }) => why !== 'withheld')).toEqual([]);
    const applied = await proof.apply(inside.id, '--all', ...left.map(({ path }) => path));
    expect(applied.left).toEqual([]);
    expect(treeOf(proof.project, isVarying)).toEqual(treeOf(outside.copy, isVarying));
    expect(treeOf(proof.project)).not.toEqual(before);
  });

  it('fails in these, and only these, where an overlay does otherwise (docs/review.md)', async () => {
    await using proof = await Proof.of(filesystem, await projects.of(filesystem), kind);
    const inside = await proof.inside('/usr/bin/python3 -B -m unittest -v test_filesystem.Differs 2>&1');
    const wrong = inside.output.match(/^(?:ERROR|FAIL): \w+|^OSError: .*/gm) ?? [];
    expect(wrong).toEqual([
      ...[
        'ERROR: test_rename_of_a_folder_by_the_system_call',
        "OSError: [Errno 18] Invalid cross-device link: 'sub' -> 'renamed'",
      ],
      ...['FAIL: test_a_mapping_for_reading_sees_a_later_change', 'FAIL: test_names_of_one_file_stay_one'],
      'FAIL: test_new_names_of_one_file_have_its_number',
    ]);
  });
});
