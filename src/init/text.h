// Short texts without printf, which is a third of the program.
#ifndef PADDOCK_TEXT_H
#define PADDOCK_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Always ended by a NUL; what does not fit is left out.
struct text {
  char chars[64];
  size_t length;
};

void text_add(struct text *text, const char *more);

// Not below 0.
void text_add_number(struct text *text, long number);

// A whole number from 0 to `most`, digits alone; -1 for anything else.
int64_t text_to_number(const char *digits, int64_t most);

#endif
