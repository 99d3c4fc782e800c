import { rm } from 'node:fs/promises';

/** Removes a folder with all in it, also while another process of ours still leaves a note there; it need not exist. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
}
