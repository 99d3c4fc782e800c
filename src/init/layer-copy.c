// The source is hostile and may change at any moment: every entry is reached by its name in a folder that is open, no link is
// followed, a file is opened without waiting for it, and depth, number and size are bounded. The target is ours alone.
#define _GNU_SOURCE 1
#include "layer-copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer.h"
#include "text.h"

enum { FROM_FD = 3, TO_FD = 4, MOST_LEVELS = 400, MOST_TRIES = 3, MODE_BITS = 07777 };
// FICLONE of linux/fs.h, which musl does not bring along.
static const unsigned long share_content = _IOW(0x94, 9, int);

struct level {
  DIR *from;
  int to;
  struct stat found;
  bool opaque;
};

static struct level levels[MOST_LEVELS];
static size_t depth, entries, most_entries, left_out;
static uint64_t bytes, most_bytes;
static const char *failure;

static bool fail(const char *why) {
  if (failure == NULL) failure = why;
  return false;
}

static bool fail_by_errno(void) { return fail(strerror(errno)); }

// What others may have removed or closed since it was listed is no failure.
static bool leave_out(void) {
  if (errno == ENOENT) return true;
  left_out++;
  return true;
}

static bool set_times(int at, const char *name, const struct stat *found) {
  const struct timespec times[] = {found->st_atim, found->st_mtim};
  return utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) == 0 || fail_by_errno();
}

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool copy_range(int from, int to, off_t at, off_t end) {
  static char buffer[1 << 16];
  while (at < end) {
    const size_t want = (uint64_t)(end - at) < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
    const ssize_t got = pread(from, buffer, want, at);
    if (got < 0) return fail_by_errno();
    if (got == 0) return true;
    bytes += (uint64_t)got;
    if (bytes > most_bytes) return fail("more content than may be copied");
    for (ssize_t put = 0; put < got;) {
      const ssize_t more = pwrite(to, buffer + put, (size_t)(got - put), at + put);
      if (more <= 0) return fail_by_errno();
      put += more;
    }
    at += got;
  }
  return true;
}

// Holes stay holes: a length costs nothing, and could be any.
static bool copy_content(int from, int to, off_t size) {
  if (ioctl(to, (int)share_content, from) == 0) return true;
  for (off_t at = 0; at < size;) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data < 0) return fail_by_errno();
    const off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return fail_by_errno();
    if (!copy_range(from, to, data, hole < size ? hole : size)) return false;
    at = hole;
  }
  return ftruncate(to, size) == 0 || fail_by_errno();
}

// Once more where it was written to meanwhile, so that no half of a write is kept as a whole file.
static bool copy_open_file(int from, int to, const char *name) {
  for (int tries = 0; tries < MOST_TRIES; tries++) {
    struct stat before, after;
    if (fstat(from, &before) != 0 || ftruncate(to, 0) != 0) return fail_by_errno();
    if (!S_ISREG(before.st_mode)) return fail("a file became something else");
    if (!copy_content(from, to, before.st_size)) return false;
    if (fstat(from, &after) != 0) return fail_by_errno();
    if (!is_same(&before, &after)) continue;
    if (fchmod(to, before.st_mode & MODE_BITS) != 0) return fail_by_errno();
    return set_times(levels[depth - 1].to, name, &before);
  }
  return fail("a file is being written to all the time");
}

static bool copy_file(const char *name) {
  const struct level *here = &levels[depth - 1];
  const int from = openat(dirfd(here->from), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return leave_out();
  const int to = openat(here->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool copied = to >= 0 ? copy_open_file(from, to, name) : fail_by_errno();
  if (to >= 0) close(to);
  close(from);
  return copied;
}

static bool copy_link(const char *name, const struct stat *found) {
  const struct level *here = &levels[depth - 1];
  char target[PATH_MAX];
  const ssize_t length = readlinkat(dirfd(here->from), name, target, sizeof target - 1);
  if (length < 0) return leave_out();
  target[length] = '\0';
  if (symlinkat(target, here->to, name) != 0) return fail_by_errno();
  return set_times(here->to, name, found);
}

static bool copy_node(const char *name, mode_t mode) {
  return mknodat(levels[depth - 1].to, name, mode, makedev(0, 0)) == 0 || fail_by_errno();
}

// Takes both descriptors over.
static bool enter(int from, int to) {
  struct level *level = &levels[depth];
  if (depth == MOST_LEVELS || fstat(from, &level->found) != 0) {
    fail(depth == MOST_LEVELS ? "folders too deep in each other" : strerror(errno));
    close(from);
    close(to);
    return false;
  }
  level->opaque = layer_is_opaque(from);
  level->to = to;
  level->from = fdopendir(from);
  if (level->from == NULL) {
    fail_by_errno();
    close(from);
    close(to);
    return false;
  }
  depth++;
  return true;
}

static bool copy_folder(const char *name) {
  const struct level *here = &levels[depth - 1];
  const int from = openat(dirfd(here->from), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return leave_out();
  const bool made = mkdirat(here->to, name, S_IRWXU) == 0;
  const int to = made ? openat(here->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  if (to >= 0) return enter(from, to);
  fail_by_errno();
  close(from);
  return false;
}

static bool leave(void) {
  struct level *level = &levels[--depth];
  const struct timespec times[] = {level->found.st_atim, level->found.st_mtim};
  const bool marked = !level->opaque || fsetxattr(level->to, LAYER_OPAQUE, "y", 1, 0) == 0;
  const bool done = marked && fchmod(level->to, level->found.st_mode & MODE_BITS) == 0 && futimens(level->to, times) == 0;
  if (!done) fail_by_errno();
  closedir(level->from);
  close(level->to);
  return done;
}

static bool copy_entry(const char *name) {
  struct stat found;
  if (fstatat(dirfd(levels[depth - 1].from), name, &found, AT_SYMLINK_NOFOLLOW) != 0) return leave_out();
  if (++entries > most_entries) return fail("more entries than may be copied");
  if (S_ISDIR(found.st_mode)) return copy_folder(name);
  if (S_ISREG(found.st_mode)) return copy_file(name);
  if (S_ISLNK(found.st_mode)) return copy_link(name, &found);
  if (S_ISFIFO(found.st_mode)) return copy_node(name, found.st_mode);
  if (layer_is_whiteout(&found)) return copy_node(name, S_IFCHR);
  left_out++;
  return true;
}

static bool step(void) {
  errno = 0;
  const struct dirent *entry = readdir(levels[depth - 1].from);
  if (entry == NULL) return errno == 0 ? leave() : fail_by_errno();
  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) return true;
  return copy_entry(entry->d_name);
}

static void report(void) {
  struct text line = {.length = 0};
  text_add(&line, failure == NULL ? "ok " : "failed ");
  if (failure != NULL) text_add(&line, failure);
  else {
    text_add_number(&line, (long)entries);
    text_add(&line, " ");
    text_add_number(&line, (long)bytes);
    text_add(&line, " ");
    text_add_number(&line, (long)left_out);
  }
  text_add(&line, "\n");
  (void)!write(STDOUT_FILENO, line.chars, line.length);
}

int layer_copy(size_t most_mib, size_t entries_allowed) {
  most_bytes = (uint64_t)most_mib << 20;
  most_entries = entries_allowed;
  const int from = openat(FROM_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int to = openat(TO_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool going = from >= 0 && to >= 0 ? enter(from, to) : fail_by_errno();
  while (going && depth > 0) going = step();
  report();
  return failure == NULL ? 0 : 1;
}
