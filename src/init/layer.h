// On the host: what a session has written beside its project, for Node, which has no extended attributes.
#ifndef PADDOCK_LAYER_H
#define PADDOCK_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

// Writes to standard output what is in the folder that descriptor 3 stands for, `most_entries` at most. Each entry is three
// texts, each ended by a NUL: `TYPE OPAQUE MODE SIZE DEV INO MTIME MTIME-NS CTIME CTIME-NS`, its name, where a link leads.
// TYPE: d folder, f file, l link, w a mark for what is gone, o anything else. First comes the folder itself, without a name;
// behind every folder what is in it, and then `e WHY` with two empty texts: 0 when all of it was told, an errno when it could not be
// read, -1 when it is too deep, -2 when there was too much in all.
int layer_tell(size_t most_entries);

// The kernel's marks: something of the project is gone, and nothing of it shows through this folder.
#define LAYER_OPAQUE "user.overlay.opaque"
bool layer_is_whiteout(const struct stat *found);
bool layer_is_opaque(int fd);

#endif
