// On the host: what a session has written beside its project, for Node, which has no extended attributes.
#ifndef PADDOCK_LAYER_H
#define PADDOCK_LAYER_H

#include <stddef.h>

// Writes to standard output what is in the folder that descriptor 3 stands for, `most_entries` at most. Each entry is three
// texts, each ended by a NUL: `TYPE OPAQUE MODE SIZE DEV INO MTIME MTIME-NS CTIME CTIME-NS`, its name, where a link leads.
// TYPE: d folder, f file, l link, w a mark for what is gone, o anything else. First comes the folder itself, without a name;
// behind every folder what is in it, and then `e WHY` with two empty texts: 0 when all of it was told, an errno when it could not be
// read, -1 when it is too deep, -2 when there was too much in all.
int layer_tell(size_t most_entries);

#endif
