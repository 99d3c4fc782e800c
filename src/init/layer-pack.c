#define _GNU_SOURCE 1
#include "layer-pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "answer.h"
#include "layer.h"
#include "linked.h"
#include "pax-records.h"
#include "tar.h"
#include "tar_answer.h"
#include "text.h"

enum { FOLDER_FD = 3, NAMES_BYTES = 1 << 16, PERMISSIONS = 07777 };
// What the twelve octal digits of a header hold.
static const uint64_t most_header_size = 077777777777;

struct level {
  DIR *open;
  mode_t mode;
  bool was_closed;
  size_t path_bytes;
};

static struct level levels[PACK_LEVELS];
static size_t depth, entries, left_out;
static const char *failure;
static char path[PACK_PATH_BYTES + 1];
static struct segment *segments;

static bool fail(const char *why) {
  if (failure == NULL) failure = why;
  return false;
}

static bool fail_by_errno(void) { return fail(strerror(errno)); }

static bool too_long(void) { return fail("names and attributes of one entry are too long"); }

bool pack_has_attribute(const char *name) {
  // In a record the first `=` ends the name.
  if (strncmp(name, "user.", 5) != 0 || strchr(name, '=') != NULL) return false;
  return strncmp(name, "user.overlay.", 13) != 0 || strcmp(name, LAYER_OPAQUE) == 0;
}

static bool add_attributes(int fd) {
  static char names[NAMES_BYTES], value[NAMES_BYTES];
  const ssize_t got = flistxattr(fd, names, sizeof names);
  if (got < 0) return errno == ENOTSUP || fail_by_errno();
  for (ssize_t at = 0; at < got; at += (ssize_t)strlen(names + at) + 1) {
    if (!pack_has_attribute(names + at)) continue;
    const ssize_t length = fgetxattr(fd, names + at, value, sizeof value);
    if (length < 0) return fail_by_errno();
    if (!pax_add(XATTR_PREFIX, names + at, value, (size_t)length)) return too_long();
  }
  return true;
}

// With the records that were gathered for it.
static bool put_entry(char type, const struct stat *found, const char *target, uint64_t size) {
  const size_t path_bytes = strlen(path), target_bytes = strlen(target);
  struct tar_header header;
  if (path_bytes > sizeof header.name && !pax_add("path", "", path, path_bytes)) return too_long();
  if (target_bytes > sizeof header.link && !pax_add("linkpath", "", target, target_bytes)) return too_long();
  if (size > most_header_size && !pax_add_number("size", size)) return too_long();
  if (!pax_add_time(&found->st_mtim)) return too_long();
  memset(&header, 0, sizeof header);
  memcpy(header.name, "pax", 3);
  tar_put_octal(header.mode, sizeof header.mode, 0644);
  tar_answer_header(&header, 'x', pax_records_bytes());
  answer_bytes(pax_records(), pax_records_bytes());
  tar_answer_padding(pax_records_bytes());
  pax_records_begin();
  memset(&header, 0, sizeof header);
  memcpy(header.name, path, path_bytes > sizeof header.name ? sizeof header.name : path_bytes);
  memcpy(header.link, target, target_bytes > sizeof header.link ? sizeof header.link : target_bytes);
  tar_put_octal(header.mode, sizeof header.mode, found->st_mode & PERMISSIONS);
  tar_put_octal(header.uid, sizeof header.uid, 0);
  tar_put_octal(header.gid, sizeof header.gid, 0);
  tar_put_octal(header.mtime, sizeof header.mtime, found->st_mtim.tv_sec < 0 ? 0 : (uint64_t)found->st_mtim.tv_sec & most_header_size);
  tar_put_octal(header.major, sizeof header.major, 0);
  tar_put_octal(header.minor, sizeof header.minor, 0);
  tar_answer_header(&header, type, size > most_header_size ? 0 : size);
  entries++;
  return true;
}

// Where content is, in order; what lies between is holes, which are long and cost nothing to make.
static bool find_segments(int fd, off_t size, size_t *count) {
  *count = 0;
  for (off_t at = 0; at < size;) {
    const off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    const off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return fail_by_errno();
    if (*count == PACK_SEGMENTS) return fail("a file with too many holes");
    const off_t end = hole < size ? hole : size;
    segments[(*count)++] = (struct segment){.at = data, .bytes = end - data};
    at = hole;
  }
  return true;
}

static bool put_content(int fd, const struct segment *segment) {
  static char block[1 << 16];
  for (off_t done = 0; done < segment->bytes;) {
    const off_t left = segment->bytes - done;
    const ssize_t got = pread(fd, block, left < (off_t)sizeof block ? (size_t)left : sizeof block, segment->at + done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? fail_by_errno() : fail("a file became shorter meanwhile");
    answer_bytes(block, (size_t)got);
    done += got;
  }
  return true;
}

static size_t put_map_number(off_t number, bool is_put) {
  char digits[25];
  const size_t length = pax_digits((uint64_t)number, digits);
  digits[length] = '\n';
  if (is_put) answer_bytes(digits, length + 1);
  return length + 1;
}

// The end of the file is noted as a segment without content.
static size_t put_map(size_t count, off_t size, bool is_put) {
  size_t bytes = put_map_number((off_t)count + 1, is_put);
  for (size_t i = 0; i < count; i++) bytes += put_map_number(segments[i].at, is_put) + put_map_number(segments[i].bytes, is_put);
  return bytes + put_map_number(size, is_put) + put_map_number(0, is_put);
}

static bool put_sparse(int fd, const struct stat *found, size_t count) {
  const size_t map = put_map(count, found->st_size, false);
  const size_t padded = (map + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
  uint64_t size = padded;
  for (size_t i = 0; i < count; i++) size += (uint64_t)segments[i].bytes;
  const bool noted = pax_add(SPARSE_MAJOR, "", "1", 1) && pax_add(SPARSE_MINOR, "", "0", 1) &&
                     pax_add(SPARSE_NAME, "", path, strlen(path)) && pax_add_number(SPARSE_SIZE, (uint64_t)found->st_size);
  if (!noted) return too_long();
  if (!put_entry('0', found, "", size)) return false;
  put_map(count, found->st_size, true);
  tar_answer_padding(map);
  for (size_t i = 0; i < count; i++)
    if (!put_content(fd, &segments[i])) return false;
  tar_answer_padding(size);
  return true;
}

static bool put_file(int fd, const struct stat *found) {
  size_t count;
  if (!add_attributes(fd) || !find_segments(fd, found->st_size, &count)) return false;
  const bool is_whole = found->st_size == 0 || (count == 1 && segments[0].at == 0 && segments[0].bytes == found->st_size);
  if (!is_whole) return put_sparse(fd, found, count);
  if (!put_entry('0', found, "", (uint64_t)found->st_size)) return false;
  if (count == 1 && !put_content(fd, &segments[0])) return false;
  tar_answer_padding((uint64_t)found->st_size);
  return true;
}

// What is closed to its owner is opened for it: the session is over, and nobody else is there.
static int open_closed(int folder, const char *name, int flags, mode_t wanted, const struct stat *found, bool *was_closed) {
  int fd = openat(folder, name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  *was_closed = (found->st_mode & wanted) != wanted;
  if (!*was_closed || (fd >= 0 && !S_ISDIR(found->st_mode))) {
    *was_closed = false;
    return fd;
  }
  if (fd >= 0) close(fd);
  if (fchmodat(folder, name, (found->st_mode & PERMISSIONS) | wanted, 0) != 0) return -1;
  return openat(folder, name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static bool pack_file(int folder, const char *name, const struct stat *found) {
  const char *before = found->st_nlink > 1 ? linked_path(found, path) : NULL;
  if (before != NULL) return put_entry('1', found, before, 0);
  if (linked_is_full()) return fail("too many hard links");
  bool was_closed;
  const int fd = open_closed(folder, name, 0, S_IRUSR, found, &was_closed);
  if (fd < 0) return fail_by_errno();
  const bool restored = !was_closed || fchmod(fd, found->st_mode & PERMISSIONS) == 0 || fail_by_errno();
  const bool packed = restored && put_file(fd, found);
  close(fd);
  return packed;
}

static bool pack_link(int folder, const char *name, const struct stat *found) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
  if (length < 0) return fail_by_errno();
  target[length] = '\0';
  return put_entry('2', found, target, 0);
}

// Takes the descriptor over.
static bool enter(int fd, const struct stat *found, bool was_closed) {
  struct level *level = &levels[depth];
  if (depth == PACK_LEVELS) {
    close(fd);
    return fail("folders too deep in each other");
  }
  *level = (struct level){.open = fdopendir(fd), .mode = found->st_mode, .was_closed = was_closed, .path_bytes = strlen(path)};
  if (level->open == NULL) {
    fail_by_errno();
    close(fd);
    return false;
  }
  depth++;
  return add_attributes(fd) && put_entry('5', found, "", 0);
}

static bool leave(void) {
  const struct level *level = &levels[--depth];
  const bool restored = !level->was_closed || fchmod(dirfd(level->open), level->mode & PERMISSIONS) == 0 || fail_by_errno();
  closedir(level->open);
  return restored;
}

static bool pack_folder(int folder, const char *name, const struct stat *found) {
  bool was_closed;
  const int fd = open_closed(folder, name, O_DIRECTORY, S_IRUSR | S_IXUSR, found, &was_closed);
  return fd < 0 ? fail_by_errno() : enter(fd, found, was_closed);
}

static bool pack_entry(int folder, const char *name) {
  struct stat found;
  if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return fail_by_errno();
  if (S_ISDIR(found.st_mode)) return pack_folder(folder, name, &found);
  if (S_ISREG(found.st_mode)) return pack_file(folder, name, &found);
  if (S_ISLNK(found.st_mode)) return pack_link(folder, name, &found);
  if (S_ISFIFO(found.st_mode)) return put_entry('6', &found, "", 0);
  if (layer_is_whiteout(&found)) return put_entry('3', &found, "", 0);
  left_out++;
  return true;
}

static bool step(void) {
  const struct level *level = &levels[depth - 1];
  errno = 0;
  const struct dirent *entry = readdir(level->open);
  if (entry == NULL) return errno == 0 ? leave() : fail_by_errno();
  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) return true;
  const size_t name_bytes = strlen(entry->d_name);
  if (level->path_bytes + name_bytes + 1 > PACK_PATH_BYTES) return fail("folders too deep in each other");
  path[level->path_bytes] = '/';
  memcpy(path + level->path_bytes + 1, entry->d_name, name_bytes + 1);
  return pack_entry(dirfd(level->open), entry->d_name);
}

int layer_say(size_t done, size_t omitted, const char *why) {
  struct text line = {.length = 0};
  text_add(&line, why == NULL ? "ok " : "failed ");
  if (why != NULL) text_add(&line, why);
  else {
    text_add_number(&line, (long)done);
    text_add(&line, " ");
    text_add_number(&line, (long)omitted);
  }
  text_add(&line, "\n");
  (void)!write(STDERR_FILENO, line.chars, line.length);
  return why == NULL ? 0 : 1;
}

int layer_pack(void) {
  static const char end[2 * TAR_BLOCK];
  struct stat found;
  const int top = openat(FOLDER_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  segments = mmap(NULL, sizeof *segments * PACK_SEGMENTS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool begun = top >= 0 && fstat(top, &found) == 0 && segments != MAP_FAILED && linked_begin();
  if (!begun) fail_by_errno();
  memcpy(path, TOP, sizeof TOP);
  bool going = begun && enter(top, &found, false);
  while (going && depth > 0) going = step();
  // Whatever happened, what was opened for this is closed again.
  while (depth > 0) leave();
  if (failure == NULL) answer_bytes(end, sizeof end);
  if (!answer_end()) fail("nobody takes it");
  return layer_say(entries, left_out, failure);
}
