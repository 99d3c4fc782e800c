#define _GNU_SOURCE 1
#include "layer-clear.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// As deep as a copy may be.
enum { MOST_LEVELS = 400 };

static bool clear(int folder, const char *name, int levels);

static bool clear_in(DIR *open, int levels) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(open);
    if (entry == NULL) return errno == 0;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (!clear(dirfd(open), entry->d_name, levels)) return false;
  }
}

static bool clear_folder(int folder, const char *name, int levels) {
  if (levels == 0) {
    errno = ELOOP;
    return false;
  }
  // It has the permissions of what it is a copy of, which may let nobody in.
  if (fchmodat(folder, name, S_IRWXU, 0) != 0) return false;
  const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *open = fd < 0 ? NULL : fdopendir(fd);
  if (open == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  const bool cleared = clear_in(open, levels - 1);
  closedir(open);
  return cleared && unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

static bool clear(int folder, const char *name, int levels) {
  struct stat found;
  if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  return S_ISDIR(found.st_mode) ? clear_folder(folder, name, levels) : unlinkat(folder, name, 0) == 0;
}

bool layer_clear(int folder, const char *name) { return clear(folder, name, MOST_LEVELS); }
