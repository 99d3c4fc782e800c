// What a session has written beside its project as a tar stream and back, for keeping it in one file: with the kernel's marks, holes, hard links,
// the user's own attributes, modes and times. GNU tar reads it as well (`tar --xattrs`).
#ifndef PADDOCK_LAYER_PACK_H
#define PADDOCK_LAYER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// What all paths begin with: whoever takes the stream apart with tar finds it all in one folder.
#define TOP "upper"
// What stands for a hole in front of the content, in pax records (GNU's sparse format 1.0).
#define SPARSE_MAJOR "GNU.sparse.major"
#define SPARSE_MINOR "GNU.sparse.minor"
#define SPARSE_NAME "GNU.sparse.name"
#define SPARSE_SIZE "GNU.sparse.realsize"
#define XATTR_PREFIX "SCHILY.xattr."

enum { PACK_LEVELS = 400, PACK_PATH_BYTES = PACK_LEVELS * 256, PACK_RECORDS_BYTES = 1 << 20, PACK_SEGMENTS = 1 << 20 };

struct segment {
  off_t at, bytes;
};

// Whether an attribute of a file or folder goes along: those that are the user's, and of overlays' own the one mark that says something.
bool pack_has_attribute(const char *name);

// Says that line, and returns the exit code.
int layer_say(size_t done, size_t omitted, const char *why);

// From the folder of descriptor 3 to the standard output; nobody else may write to it. What its owner can't read is opened for it, for a moment.
// At the end one line on the standard error:
//   ok ENTRIES LEFT_OUT      (sockets and devices are left out)
//   failed WHY               (what was written is not whole)
// Returns the exit code.
int layer_pack(void);

// From the standard input into the folder of descriptor 3, which is empty and ours. The same line at the end.
int layer_unpack(void);

#endif
