// Files with several names, by the first that was met: content that has a hundred names is packed once.
#ifndef PADDOCK_LINKED_H
#define PADDOCK_LINKED_H

#include <stdbool.h>
#include <sys/stat.h>

// False with errno.
bool linked_begin(void);
// The path under which that file was met before; NULL where this is the first time, which is noted.
const char *linked_path(const struct stat *found, const char *path);
// Whether one could not be noted.
bool linked_is_full(void);

#endif
