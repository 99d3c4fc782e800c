// Copies what a session has written beside its project: a folder in which character device 0:0 says that something was removed, and
// an attribute of a folder that it hides what is below it. Node can make neither.
#ifndef PADDOCK_LAYER_COPY_H
#define PADDOCK_LAYER_COPY_H

#include <stddef.h>

enum copy_way {
  // All of it, marks and all, into an empty folder.
  COPY_ALL,
  // What layer-plan.h asks for, into an empty folder. Marks in it are not the kernel's: such devices are left out.
  COPY_CHOSEN,
  // All of it over a copy of the project: what a mark says is gone is removed there.
  COPY_OVER,
};

// From descriptor 3 into the folder of descriptor 4. At most that many MiB of content and entries. Writes lines to the output:
//   at ENTRIES BYTES               (so far; every half second)
//   ok ENTRIES BYTES LEFT_OUT      (sockets and devices are left out, and what can't be read)
//   failed WHY                     (what was copied stays: the caller removes it)
// Returns the exit code.
int layer_copy(size_t most_mib, size_t most_entries, enum copy_way way);

#endif
