// The tree is hostile and may change at any moment: every entry is reached by its name in a folder that is open, no link is
// followed, nothing but folders is opened, and depth, number and length of all names are bounded.
#define _GNU_SOURCE 1
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { UPPER_FD = 3, MOST_LEVELS = 128, LEVEL_BYTES = 8192, CANNOT_TELL = 1 };
enum { TOO_DEEP = -1, TOO_MANY = -2 };
// Of all paths and targets together: somebody keeps them in memory.
static const size_t most_text_bytes = (size_t)32 << 20;
// The kernel's struct linux_dirent64: the length of an entry and its name.
enum { ENTRY_LENGTH_AT = 16, ENTRY_NAME_AT = 19 };

struct level {
  int fd;
  long have, at;
  size_t path_bytes;
  char entries[LEVEL_BYTES];
};

static struct level levels[MOST_LEVELS];
static size_t depth, left_entries, text_bytes;
static char out[65536];
static size_t out_length;
static bool told = true;

static void flush(void) {
  for (size_t at = 0; told && at < out_length;) {
    const ssize_t put = write(STDOUT_FILENO, out + at, out_length - at);
    told = put > 0;
    at += told ? (size_t)put : 0;
  }
  out_length = 0;
}

static void put(const char *bytes, size_t length) {
  if (out_length + length > sizeof out) flush();
  memcpy(out + out_length, bytes, length);
  out_length += length;
}

static void put_text(const char *text) { put(text, strlen(text) + 1); }

static void put_number(intmax_t number, char after) {
  char digits[24];
  size_t at = sizeof digits;
  digits[--at] = after;
  const bool negative = number < 0;
  uintmax_t rest = negative ? -(uintmax_t)number : (uintmax_t)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (negative) digits[--at] = '-';
  put(digits + at, sizeof digits - at);
}

bool layer_is_whiteout(const struct stat *found) { return S_ISCHR(found->st_mode) && found->st_rdev == makedev(0, 0); }

static char type_of(const struct stat *found) {
  if (S_ISDIR(found->st_mode)) return 'd';
  if (S_ISREG(found->st_mode)) return 'f';
  if (S_ISLNK(found->st_mode)) return 'l';
  return layer_is_whiteout(found) ? 'w' : 'o';
}

static void put_entry(const struct stat *found, bool opaque, const char *name, const char *target) {
  const char head[] = {type_of(found), ' ', opaque ? '1' : '0', ' '};
  put(head, sizeof head);
  put_number(found->st_mode, ' ');
  put_number(found->st_size, ' ');
  put_number((intmax_t)found->st_dev, ' ');
  put_number((intmax_t)found->st_ino, ' ');
  put_number(found->st_mtim.tv_sec, ' ');
  put_number(found->st_mtim.tv_nsec, ' ');
  put_number(found->st_ctim.tv_sec, ' ');
  put_number(found->st_ctim.tv_nsec, '\0');
  put_text(name);
  put_text(target);
  text_bytes += strlen(target);
}

static void put_end(int why) {
  put("e ", 2);
  put_number(why, '\0');
  put("\0", 2);
}

bool layer_is_opaque(int fd) {
  char value[2];
  return fgetxattr(fd, LAYER_OPAQUE, value, sizeof value) == 1 && value[0] == 'y';
}

static void leave(int why) {
  put_end(why);
  close(levels[--depth].fd);
}

// Takes over `fd`; below 0: `why` it could not be opened.
static void enter(int fd, int why, const struct stat *seen, const char *name) {
  struct stat found = *seen;
  if (fd >= 0 && fstat(fd, &found) != 0) why = errno;
  const size_t path_bytes = depth == 0 ? 0 : levels[depth - 1].path_bytes + strlen(name) + 1;
  if (why == 0 && (depth == MOST_LEVELS || path_bytes >= PATH_MAX)) why = TOO_DEEP;
  put_entry(&found, fd >= 0 && layer_is_opaque(fd), name, "");
  if (why != 0) {
    if (fd >= 0) close(fd);
    put_end(why);
    return;
  }
  struct level *level = &levels[depth++];
  level->fd = fd;
  level->have = level->at = 0;
  level->path_bytes = path_bytes;
}

static void tell(int folder, const char *name) {
  struct stat found;
  if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
    // A folder that can be listed and not entered: what is in it would be taken for gone.
    if (errno != ENOENT) leave(errno);
    return;
  }
  if (S_ISDIR(found.st_mode)) {
    const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return;
    enter(fd, fd < 0 ? errno : 0, &found, name);
    return;
  }
  char target[PATH_MAX] = "";
  if (S_ISLNK(found.st_mode)) {
    const ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
    if (length < 0) return;
    target[length] = '\0';
  }
  put_entry(&found, false, name, target);
}

static bool is_self_or_above(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

// The next entry of the deepest folder that is open, or its end.
static void step(void) {
  struct level *level = &levels[depth - 1];
  if (level->at >= level->have) {
    level->have = syscall(SYS_getdents64, level->fd, level->entries, sizeof level->entries);
    level->at = 0;
    if (level->have <= 0) {
      leave(level->have == 0 ? 0 : errno);
      return;
    }
  }
  const char *entry = level->entries + level->at;
  uint16_t length = 0;
  memcpy(&length, entry + ENTRY_LENGTH_AT, sizeof length);
  level->at += length;
  const char *name = entry + ENTRY_NAME_AT;
  if (is_self_or_above(name)) return;
  text_bytes += level->path_bytes + strlen(name);
  if (left_entries == 0 || text_bytes > most_text_bytes) {
    while (depth > 0) leave(TOO_MANY);
    return;
  }
  left_entries--;
  tell(level->fd, name);
}

int layer_tell(size_t most_entries) {
  const int top = openat(UPPER_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat found;
  if (top < 0 || fstat(top, &found) != 0) return CANNOT_TELL;
  left_entries = most_entries;
  enter(top, 0, &found, "");
  while (depth > 0 && told) step();
  flush();
  return told ? 0 : CANNOT_TELL;
}
