// The part of tar that goes between the two sides of a sandbox: ustar headers, and pax records for what does not fit them.
#ifndef PADDOCK_TAR_H
#define PADDOCK_TAR_H

#include <stdbool.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

struct tar_header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[8];
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char padding[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

// The sum of all bytes, with blanks in the place of the sum itself.
uint64_t tar_sum(const struct tar_header *header);
// Digits up to a blank or NUL; -1 for anything else.
int64_t tar_octal(const char *field, unsigned length);
void tar_put_octal(char *field, unsigned length, uint64_t number);

#endif
