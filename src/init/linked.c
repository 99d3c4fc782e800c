#define _GNU_SOURCE 1
#include "linked.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { PLACES = 1 << 18, MOST = PLACES / 2, PATHS_BYTES = 64 << 20 };

struct place {
  dev_t dev;
  ino_t ino;
  // 0: free.
  uint32_t path;
};

// Pages that nothing is put into take no memory.
struct table {
  struct place places[PLACES];
  char paths[PATHS_BYTES];
};

static struct table *table;
static size_t used, paths_bytes = 1;
static bool full;

bool linked_begin(void) {
  void *made = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  table = made == MAP_FAILED ? NULL : made;
  return table != NULL;
}

const char *linked_path(const struct stat *found, const char *path) {
  const uint64_t mixed = ((uint64_t)found->st_ino ^ (uint64_t)found->st_dev << 32) * 0x9e3779b97f4a7c15u;
  for (size_t at = (size_t)(mixed >> 46);; at = (at + 1) % PLACES) {
    struct place *place = &table->places[at];
    if (place->path != 0 && place->dev == found->st_dev && place->ino == found->st_ino) return table->paths + place->path;
    if (place->path != 0) continue;
    const size_t length = strlen(path) + 1;
    full = full || used == MOST || length > PATHS_BYTES - paths_bytes;
    if (full) return NULL;
    *place = (struct place){.dev = found->st_dev, .ino = found->st_ino, .path = (uint32_t)paths_bytes};
    memcpy(table->paths + paths_bytes, path, length);
    paths_bytes += length;
    used++;
    return NULL;
  }
}

bool linked_is_full(void) { return full; }
