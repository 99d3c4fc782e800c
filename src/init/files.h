// Files of the sandbox for those outside (docs/files.md): run inside as a command of the sandbox's own user, so that a path
// means what it means to every program there, and nothing outside is ever reached by it.
#ifndef PADDOCK_FILES_H
#define PADDOCK_FILES_H

// Each gets what stands behind its name on the command line; returns the exit status, or -1 where that is not understood.
// PATH bytes OFFSET LENGTH | PATH lines FIRST COUNT MOST-BYTES: a line that tells what it is, then the bytes.
int files_read(int count, char **words);
// PATH create|replace MODE|- parents|- LENGTH: standard input into a file beside it, which takes its place when it is whole.
int files_write(int count, char **words);
// PATH DEPTH MOST-ENTRIES MOST-BYTES: everything below it, no link followed.
int files_list(int count, char **words);
// PATH MOST-ENTRIES MOST-BYTES: all below it as a tar stream, whose names begin with `.`; what is left out goes to standard error.
int files_pack(int count, char **words);
// FOLDER overwrite|-: a tar stream of standard input into a folder that is there; what is left out is answered (`left ERRNO PATH`,
// `more`, `made ENTRIES BYTES`, or at a stream that breaks off `broken`; each followed by NUL).
int files_unpack(int count, char **words);

#endif
