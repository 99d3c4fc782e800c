// Short texts without printf, which is a third of the program.
#ifndef PADDOCK_TEXT_H
#define PADDOCK_TEXT_H

#include <stddef.h>

// Always ended by a NUL; what does not fit is left out.
struct text {
  char chars[64];
  size_t length;
};

void text_add(struct text *text, const char *more);

// Not below 0.
void text_add_number(struct text *text, long number);

// A whole number from 0 to 2^31 - 1, digits alone; -1 for anything else.
long text_to_number(const char *digits);

#endif
