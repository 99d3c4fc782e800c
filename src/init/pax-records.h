// The records before an entry of the stream of layer-pack.c, as they are gathered for it.
#ifndef PADDOCK_PAX_RECORDS_H
#define PADDOCK_PAX_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

// The number in decimal, without an end; `digits` has room for 24. Returns how many.
size_t pax_digits(uint64_t number, char *digits);

// Another record; its key is `key` and `more` in one. False where they are too many or too long together.
bool pax_add(const char *key, const char *more, const void *value, size_t length);
bool pax_add_number(const char *key, uint64_t number);
bool pax_add_time(const struct timespec *time);

// All there are, and then none.
const char *pax_records(void);
size_t pax_records_bytes(void);
void pax_records_begin(void);

#endif
