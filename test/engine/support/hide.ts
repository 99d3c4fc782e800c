import { chmod, chown, copyFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes `hidden` of a program in that folder. It may be run and not read, and its group is nobody's in a sandbox, so the kernel hides its processes from everyone. */
export async function hide(folder: string, program: string): Promise<void> {
  const group = process.getgroups?.().find((gid) => gid !== process.getgid?.());
  if (group === undefined) throw new Error('this needs a user who is in a second group');
  const path = join(folder, 'hidden');
  await copyFile(program, path);
  await chown(path, -1, group);
  await chmod(path, 0o311);
}
