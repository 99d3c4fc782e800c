// What a mode that is run as a command says on its standard output: gathered, so that a tree of small files costs few writes.
#ifndef PADDOCK_ANSWER_H
#define PADDOCK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

void answer_bytes(const void *bytes, size_t length);
void answer_text(const char *text);
void answer_number(uint64_t number);
// `f`, `d`, `l` or `o`, then mode in octal, size, and mtime in seconds with nine places, each followed by a blank.
void answer_status(const struct stat *status);
// False when nobody takes it any more.
bool answer_end(void);

// `error ERRNO`, and the exit status that goes with it.
int answer_error(int error);

// A whole number from 0 to 2^53 - 1, digits alone; -1 for anything else.
int64_t argument_number(const char *digits);

#endif
