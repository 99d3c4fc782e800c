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
#include <time.h>
#include <unistd.h>

#include "layer-clear.h"
#include "layer-plan.h"
#include "layer.h"
#include "text.h"

enum { PROGRESS_MS = 500 };
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
static enum copy_way way;
static int64_t told_ms;

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

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_progress(void) {
  const int64_t now = now_ms();
  if (now - told_ms < PROGRESS_MS) return;
  told_ms = now;
  struct text line = {.length = 0};
  text_add(&line, "at ");
  text_add_number(&line, (long)entries);
  text_add(&line, " ");
  text_add_number(&line, (long)bytes);
  text_add(&line, "\n");
  (void)!write(STDOUT_FILENO, line.chars, line.length);
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
    tell_progress();
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

// For what is about to be made: in an empty folder nothing is in its way.
static bool make_way(const char *name) {
  return way != COPY_OVER || layer_clear(levels[depth - 1].to, name) || fail_by_errno();
}

static bool copy_file(const char *name) {
  const struct level *here = &levels[depth - 1];
  const int from = openat(dirfd(here->from), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return leave_out();
  if (!make_way(name)) {
    close(from);
    return false;
  }
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
  if (!make_way(name)) return false;
  if (symlinkat(target, here->to, name) != 0) return fail_by_errno();
  return set_times(here->to, name, found);
}

static bool copy_node(const char *name, mode_t mode) {
  if (!make_way(name)) return false;
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
  // What it is a copy of may let nobody write to it; the permissions come last.
  if (fchmod(to, S_IRWXU) != 0) fail_by_errno();
  level->opaque = way == COPY_ALL && layer_is_opaque(from);
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

// Over one that is there, unless that is to be hidden.
static bool make_folder(int to, const char *name, bool opaque) {
  struct stat found;
  const bool there = way == COPY_OVER && !opaque && fstatat(to, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && S_ISDIR(found.st_mode)) return fchmodat(to, name, S_IRWXU, 0) == 0;
  return make_way(name) && mkdirat(to, name, S_IRWXU) == 0;
}

static bool copy_folder(const char *name) {
  const struct level *here = &levels[depth - 1];
  const int from = openat(dirfd(here->from), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return leave_out();
  const bool made = make_folder(here->to, name, layer_is_opaque(from));
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

static bool copy_mark(const char *name) {
  if (way == COPY_ALL) return copy_node(name, S_IFCHR);
  if (way == COPY_OVER) return make_way(name);
  left_out++;
  return true;
}

static bool copy_no_folder(const char *name, const struct stat *found) {
  if (S_ISREG(found->st_mode)) return copy_file(name);
  if (S_ISLNK(found->st_mode)) return copy_link(name, found);
  if (S_ISFIFO(found->st_mode)) return copy_node(name, found->st_mode);
  if (layer_is_whiteout(found)) return copy_mark(name);
  left_out++;
  return true;
}

static bool is_one_more(void) { return ++entries <= most_entries || fail("more entries than may be copied"); }

static bool copy_entry(const char *name) {
  struct stat found;
  if (fstatat(dirfd(levels[depth - 1].from), name, &found, AT_SYMLINK_NOFOLLOW) != 0) return leave_out();
  if (!is_one_more()) return false;
  return S_ISDIR(found.st_mode) ? copy_folder(name) : copy_no_folder(name, &found);
}

static bool step(void) {
  errno = 0;
  const struct dirent *entry = readdir(levels[depth - 1].from);
  if (entry == NULL) return errno == 0 ? leave() : fail_by_errno();
  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) return true;
  return copy_entry(entry->d_name);
}

// What has become a folder since the plan was made is not in it.
static bool copy_chosen(const char *name) {
  struct stat found;
  if (fstatat(dirfd(levels[depth - 1].from), name, &found, AT_SYMLINK_NOFOLLOW) != 0) return leave_out();
  if (!S_ISDIR(found.st_mode)) return copy_no_folder(name, &found);
  left_out++;
  return true;
}

static bool enter_chosen(const char *name) {
  const size_t before = depth;
  if (!copy_folder(name)) return false;
  return depth > before || plan_skip_folder() || fail("what to copy is not said to its end");
}

static bool step_by_plan(void) {
  struct plan_word word;
  if (!plan_next(&word)) return fail("what to copy is not said to its end");
  if (word.kind == 'e') return leave();
  if (!is_one_more()) return false;
  if (word.kind == 'd') return enter_chosen(word.name);
  return word.kind == 'w' ? copy_node(word.name, S_IFCHR) : copy_chosen(word.name);
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

int layer_copy(size_t most_mib, size_t entries_allowed, enum copy_way how) {
  way = how;
  told_ms = now_ms();
  most_bytes = (uint64_t)most_mib << 20;
  most_entries = entries_allowed;
  const int from = openat(FROM_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int to = openat(TO_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool going = from >= 0 && to >= 0 ? enter(from, to) : fail_by_errno();
  while (going && depth > 0 && failure == NULL) {
    going = way == COPY_CHOSEN ? step_by_plan() : step();
    tell_progress();
  }
  report();
  return failure == NULL ? 0 : 1;
}
