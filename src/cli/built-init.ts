import { fileURLToPath } from 'node:url';

/** Where the build puts our process 1 for this machine's processor; a package has it for others too. */
export const builtInit = fileURLToPath(new URL(`../init/paddock-init-${process.arch}`, import.meta.url));
