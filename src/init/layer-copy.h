// Copies what a session has written beside its project: a folder in which character device 0:0 says that something was removed, and
// an attribute of a folder that it hides what is below it. Node can make neither.
#ifndef PADDOCK_LAYER_COPY_H
#define PADDOCK_LAYER_COPY_H

#include <stddef.h>

// From descriptor 3 into the empty folder of descriptor 4. At most that many MiB of content and entries. Writes one line to the output:
//   ok ENTRIES BYTES LEFT_OUT      (sockets and devices are left out, and what can't be read)
//   failed WHY                     (what was copied stays: the caller removes it)
// Returns the exit code.
int layer_copy(size_t most_mib, size_t most_entries);

#endif
