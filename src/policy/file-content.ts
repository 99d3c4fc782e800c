/** What is in a file that is judged by it. `none`: there is no file. `unknown`: nobody has looked, or could. */
export type FileContent = Uint8Array | 'none' | 'unknown';
