// The stream was written by layer-pack.c, and what brought it here has checked that. All the same it leads nowhere else: entries come in the order
// of a walk, each goes by its name into the folder that is open, and no link is followed.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer-pack.h"
#include "pax.h"
#include "tar.h"
#include "text.h"

enum { FOLDER_FD = 3, INPUT_BYTES = 1 << 16, MAP_TEXT_BYTES = PACK_SEGMENTS * 2 * 20 };

struct level {
  int fd;
  mode_t mode;
  struct timespec mtime;
  size_t path_bytes;
};

static struct level levels[PACK_LEVELS];
static size_t depth, entries;
static const char *failure;
static char path[PACK_PATH_BYTES + 1];
static char input[INPUT_BYTES];
static size_t input_at, input_have;
static struct pax_entry entry;
static struct segment *segments;

static bool fail(const char *why) {
  if (failure == NULL) failure = why;
  return false;
}

static bool fail_by_errno(void) { return fail(strerror(errno)); }

static bool not_ours(void) { return fail("that is no packed layer"); }

static size_t next_input(const char **from, uint64_t most) {
  if (input_at == input_have) {
    ssize_t got;
    do got = read(STDIN_FILENO, input, sizeof input);
    while (got < 0 && errno == EINTR);
    input_at = 0;
    input_have = got > 0 ? (size_t)got : 0;
  }
  const size_t there = input_have - input_at;
  const size_t length = there < most ? there : (size_t)most;
  *from = input + input_at;
  input_at += length;
  return length;
}

static bool take(void *into, size_t length) {
  for (size_t at = 0; at < length;) {
    const char *from;
    const size_t piece = next_input(&from, length - at);
    if (piece == 0) return fail("it breaks off");
    memcpy((char *)into + at, from, piece);
    at += piece;
  }
  return true;
}

static bool take_padding(uint64_t length) {
  char rest[TAR_BLOCK];
  return length % TAR_BLOCK == 0 || take(rest, TAR_BLOCK - length % TAR_BLOCK);
}

static bool put_content(int fd, const struct segment *segment) {
  for (off_t done = 0; done < segment->bytes;) {
    const char *from;
    const size_t piece = next_input(&from, (uint64_t)(segment->bytes - done));
    if (piece == 0) return fail("it breaks off");
    for (size_t at = 0; at < piece;) {
      const ssize_t put = pwrite(fd, from + at, piece - at, segment->at + done + (off_t)at);
      if (put <= 0) return fail_by_errno();
      at += (size_t)put;
    }
    done += (off_t)piece;
  }
  return true;
}

// A number and the newline behind it.
static bool take_number(uint64_t *number, uint64_t *taken) {
  *number = 0;
  for (size_t digits = 0;; digits++) {
    char byte;
    if (!take(&byte, 1)) return false;
    (*taken)++;
    if (byte == '\n') return digits > 0 || not_ours();
    if (byte < '0' || byte > '9' || digits == 19) return not_ours();
    *number = *number * 10 + (uint64_t)(byte - '0');
  }
}

static bool take_map(uint64_t *count, uint64_t *taken) {
  if (!take_number(count, taken)) return false;
  if (*count == 0 || *count > PACK_SEGMENTS + 1) return not_ours();
  uint64_t left = entry.size, end = 0;
  for (uint64_t i = 0; i < *count; i++) {
    uint64_t at, bytes;
    if (!take_number(&at, taken) || !take_number(&bytes, taken)) return false;
    if (at < end || at > entry.real_size || bytes > entry.real_size - at || bytes > left) return not_ours();
    segments[i] = (struct segment){.at = (off_t)at, .bytes = (off_t)bytes};
    end = at + bytes;
    left -= bytes;
  }
  return take_padding(*taken);
}

static bool fill_sparse(int fd) {
  uint64_t count, taken = 0;
  if (!take_map(&count, &taken)) return false;
  for (uint64_t i = 0; i < count; i++)
    if (!put_content(fd, &segments[i])) return false;
  return ftruncate(fd, (off_t)entry.real_size) == 0 || fail_by_errno();
}

static bool set_attributes(int fd) {
  const char *name, *value;
  size_t length;
  for (size_t at = 0; pax_attribute(&entry, &at, &name, &value, &length);) {
    if (!pack_has_attribute(name)) return not_ours();
    if (fsetxattr(fd, name, value, length, 0) != 0) return fail_by_errno();
  }
  return true;
}

static bool set_times(int folder, const char *name) {
  const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, entry.mtime};
  return utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) == 0 || fail_by_errno();
}

static bool make_file(int folder, const char *name) {
  const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return fail_by_errno();
  const struct segment whole = {.at = 0, .bytes = (off_t)entry.size};
  bool made = entry.is_sparse ? fill_sparse(fd) : put_content(fd, &whole);
  made = made && take_padding(entry.size) && set_attributes(fd);
  if (made && fchmod(fd, entry.mode) != 0) made = fail_by_errno();
  close(fd);
  return made && set_times(folder, name);
}

static bool make_node(int folder, const char *name, mode_t type) {
  if (mknodat(folder, name, type | entry.mode, makedev(0, 0)) != 0) return fail_by_errno();
  return set_times(folder, name);
}

static bool make_link(int folder, const char *name) {
  return symlinkat(entry.target, folder, name) == 0 ? set_times(folder, name) : fail_by_errno();
}

// A folder on the way may be closed by now: it is opened for a moment. Its levels are bounded, as those of whoever packed it.
static bool link_below(int above, const char *rest, int folder, const char *name) {
  const char *slash = strchr(rest, '/');
  if (slash == NULL) return linkat(above, rest, folder, name, 0) == 0 || fail_by_errno();
  char part[NAME_MAX + 1];
  const size_t length = (size_t)(slash - rest);
  struct stat found;
  if (length == 0 || length > NAME_MAX) return not_ours();
  memcpy(part, rest, length);
  part[length] = '\0';
  if (!pax_is_name(part) || fstatat(above, part, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(found.st_mode)) return not_ours();
  const bool was_closed = (found.st_mode & S_IXUSR) == 0;
  if (was_closed && fchmodat(above, part, S_IRWXU, 0) != 0) return fail_by_errno();
  const int below = openat(above, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const bool linked = below >= 0 ? link_below(below, slash + 1, folder, name) : fail_by_errno();
  if (below >= 0) close(below);
  if (was_closed && fchmodat(above, part, found.st_mode & 07777, 0) != 0) return fail_by_errno();
  return linked;
}

static bool make_hard_link(int folder, const char *name) {
  if (strncmp(entry.target, TOP "/", sizeof TOP) != 0) return not_ours();
  return link_below(levels[0].fd, entry.target + sizeof TOP, folder, name);
}

// Takes the descriptor over. The permissions come last: they may let nobody write to it.
static bool enter(int fd) {
  if (depth == PACK_LEVELS || fd < 0) return fd < 0 ? fail_by_errno() : not_ours();
  levels[depth++] = (struct level){.fd = fd, .mode = entry.mode, .mtime = entry.mtime, .path_bytes = strlen(path)};
  return set_attributes(fd);
}

static bool leave(void) {
  const struct level *level = &levels[--depth];
  const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, level->mtime};
  const bool done = fchmod(level->fd, level->mode) == 0 && futimens(level->fd, times) == 0;
  if (!done) fail_by_errno();
  close(level->fd);
  return done;
}

static bool make_folder(int folder, const char *name) {
  if (mkdirat(folder, name, S_IRWXU) != 0) return fail_by_errno();
  return enter(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static bool make_entry(int folder, const char *name) {
  if (entry.type == '0') return make_file(folder, name);
  if (entry.size != 0 || (entry.has_attributes && entry.type != '5')) return not_ours();
  if (entry.type == '1') return make_hard_link(folder, name);
  if (entry.type == '2') return make_link(folder, name);
  if (entry.type == '3') return make_node(folder, name, S_IFCHR);
  if (entry.type == '5') return make_folder(folder, name);
  return entry.type == '6' ? make_node(folder, name, S_IFIFO) : not_ours();
}

// Into the folder that its path names, which is open: those below it have come to their end.
static bool place_entry(void) {
  if (depth == 0) {
    memcpy(path, TOP, sizeof TOP);
    const bool is_top = entries == 0 && entry.type == '5' && strcmp(entry.path, TOP) == 0;
    return is_top ? enter(openat(FOLDER_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) : not_ours();
  }
  const char *slash = strrchr(entry.path, '/');
  if (slash == NULL || !pax_is_name(slash + 1)) return not_ours();
  const size_t parent = (size_t)(slash - entry.path);
  while (depth > 1 && (levels[depth - 1].path_bytes != parent || strncmp(path, entry.path, parent) != 0)) {
    if (!leave()) return false;
    path[levels[depth - 1].path_bytes] = '\0';
  }
  if (levels[depth - 1].path_bytes != parent || strncmp(path, entry.path, parent) != 0) return not_ours();
  if (entry.type == '5') memcpy(path, entry.path, strlen(entry.path) + 1);
  return make_entry(levels[depth - 1].fd, slash + 1);
}

// 1: an entry; 0: the end; -1: failed.
static int next_entry(void) {
  struct tar_header header;
  static char records[PACK_RECORDS_BYTES];
  if (!take(&header, sizeof header)) return -1;
  if (header.name[0] == '\0') return take(&header, sizeof header) && header.name[0] == '\0' ? 0 : (not_ours(), -1);
  const int64_t bytes = tar_octal(header.size, sizeof header.size);
  const bool is_pax = header.type == 'x' && tar_octal(header.checksum, sizeof header.checksum) == (int64_t)tar_sum(&header);
  if (!is_pax || bytes < 0 || bytes > PACK_RECORDS_BYTES) return (not_ours(), -1);
  if (!take(records, (size_t)bytes) || !take_padding((uint64_t)bytes) || !take(&header, sizeof header)) return -1;
  return pax_read(&entry, &header, records, (size_t)bytes) ? 1 : (not_ours(), -1);
}

int layer_unpack(void) {
  umask(0);
  segments = mmap(NULL, sizeof *segments * (PACK_SEGMENTS + 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  bool going = segments != MAP_FAILED || fail_by_errno();
  while (going) {
    const int next = next_entry();
    if (next == 0) break;
    going = next > 0 && place_entry();
    entries++;
  }
  if (failure == NULL && entries == 0) not_ours();
  while (depth > 0) leave();
  // What is behind the end was not packed with it.
  const char *from;
  if (failure == NULL && next_input(&from, 1) > 0) not_ours();
  return layer_say(entries, 0, failure);
}
