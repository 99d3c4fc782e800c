// Fuzz target: the reader of packed layers, for an entry's header and the records before it. Only a key makes streams that get so far; whoever has
// that key for writing is not to get further.
#include "../../src/init/pax.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pax_entry *entry) {
  if (strlen(entry->path) > PACK_PATH_BYTES || strlen(entry->target) > PACK_PATH_BYTES) abort();
  if (entry->size > INT64_MAX || entry->real_size > INT64_MAX || (entry->mode & ~07777u) != 0) abort();
  if (entry->mtime.tv_nsec < 0 || entry->mtime.tv_nsec > 999999999) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct pax_entry entry;
  struct tar_header header;
  if (size < sizeof header) return 0;
  memcpy(&header, data, sizeof header);
  // Else it would be the sum that is fuzzed.
  tar_put_octal(header.checksum, sizeof header.checksum - 1, tar_sum(&header));
  header.checksum[7] = ' ';
  const size_t length = size - sizeof header;
  // Of just that length, so that a byte too many is found.
  char *records = malloc(length);
  if (records == NULL) return 0;
  memcpy(records, data + sizeof header, length);
  if (pax_read(&entry, &header, records, length)) {
    check(&entry);
    const char *name, *value;
    size_t bytes;
    for (size_t at = 0; pax_attribute(&entry, &at, &name, &value, &bytes);) {
      if (name < records || value < name || value + bytes > records + length) abort();
      if (name + strlen(name) >= records + length) abort();
    }
  }
  free(records);
  return 0;
}
