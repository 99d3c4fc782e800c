// One entry of the stream of layer-pack.c: what its header says, and the records before it.
#ifndef PADDOCK_PAX_H
#define PADDOCK_PAX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "layer-pack.h"
#include "tar.h"

struct pax_entry {
  char path[PACK_PATH_BYTES + 1];
  char target[PACK_PATH_BYTES + 1];
  char type;
  mode_t mode;
  uint64_t size, real_size;
  bool is_sparse, has_attributes;
  struct timespec mtime;
  // The caller's, for pax_attribute.
  const char *records;
  size_t records_bytes;
};

// False where it is none that layer-pack.c has written.
bool pax_read(struct pax_entry *entry, const struct tar_header *header, char *records, size_t length);
// The next attribute behind `at`, which begins with 0; false behind the last. The name is ended by a NUL, the value is not.
bool pax_attribute(const struct pax_entry *entry, size_t *at, const char **name, const char **value, size_t *length);
// One name, and no path.
bool pax_is_name(const char *name);

#endif
