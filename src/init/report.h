// What the kernel shows of a sandbox within it (docs/container.md), for a server that can't look from outside: run as a command, before
// any other.
#ifndef PADDOCK_REPORT_H
#define PADDOCK_REPORT_H

// Each word is `f:PATH` for what a file holds, `l:PATH` for where a link leads, `s:PATH` for what it is, no link followed. Answers in the
// same order: `ok LENGTH` and so many bytes; `status DEV INO RDEV IS-LINK UID`; `error ERRNO`. Returns the exit status, or -1 where that is not understood.
int report(int count, char **words);

#endif
