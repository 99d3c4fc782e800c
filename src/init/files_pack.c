#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "answer.h"
#include "files.h"
#include "tar.h"
#include "tar_answer.h"

enum {
  MOST_DEPTH = 64,
  MOST_PATH_BYTES = 4096,
  NAMES_BYTES = 8192,
  BLOCK_BYTES = 65536,
  PIPE_BYTES = 4 * BLOCK_BYTES,
  NOTES_BYTES = 1 << 16
};

struct packing {
  char path[MOST_PATH_BYTES]; // of the entry at hand, as it stands in the stream
  int64_t entries_left;
  int64_t bytes_left;
  size_t notes_left;
};

// What is left out, for the other side to tell: `WHY PATH`, NUL. Only so many; then `more`.
static void leave_out(struct packing *packing, const char *why, size_t length) {
  const size_t bytes = strlen(why) + length + 2;
  if (bytes > packing->notes_left) {
    if (packing->notes_left > 0) (void)!write(STDERR_FILENO, "more ", 6);
    packing->notes_left = 0;
    return;
  }
  char note[MOST_PATH_BYTES + 32];
  const size_t why_bytes = strlen(why);
  memcpy(note, why, why_bytes);
  note[why_bytes] = ' ';
  memcpy(note + why_bytes + 1, packing->path, length);
  note[bytes - 1] = '\0';
  packing->notes_left -= bytes;
  (void)!write(STDERR_FILENO, note, bytes);
}

static size_t digits_of(size_t number) {
  size_t digits = 1;
  for (; number >= 10; number /= 10) digits++;
  return digits;
}

// `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits as well.
static size_t record_bytes(const char *key, size_t length) {
  const size_t rest = strlen(key) + length + 3;
  size_t whole = rest + digits_of(rest);
  if (digits_of(whole) + rest != whole) whole++;
  return whole;
}

static void put_record(const char *key, const char *value, size_t length) {
  answer_number(record_bytes(key, length));
  answer_text(" ");
  answer_text(key);
  answer_text("=");
  answer_bytes(value, length);
  answer_text("\n");
}

static void put_entry(const char *path, size_t length, const char *target, size_t target_bytes, const struct stat *status,
                      uint64_t size) {
  struct tar_header header;
  const bool is_long = length > sizeof header.name;
  const bool is_far = target_bytes > sizeof header.link;
  if (is_long || is_far) {
    memset(&header, 0, sizeof header);
    memcpy(header.name, "pax", 3);
    tar_put_octal(header.mode, sizeof header.mode, 0644);
    const size_t bytes = (is_long ? record_bytes("path", length) : 0) + (is_far ? record_bytes("linkpath", target_bytes) : 0);
    tar_answer_header(&header, 'x', bytes);
    if (is_long) put_record("path", path, length);
    if (is_far) put_record("linkpath", target, target_bytes);
    tar_answer_padding(bytes);
  }
  memset(&header, 0, sizeof header);
  memcpy(header.name, path, is_long ? sizeof header.name : length);
  memcpy(header.link, target, is_far ? sizeof header.link : target_bytes);
  tar_put_octal(header.mode, sizeof header.mode, status->st_mode & 07777);
  tar_put_octal(header.uid, sizeof header.uid, 0);
  tar_put_octal(header.gid, sizeof header.gid, 0);
  const int64_t mtime = status->st_mtim.tv_sec;
  tar_put_octal(header.mtime, sizeof header.mtime, mtime < 0 ? 0 : (uint64_t)mtime);
  tar_answer_header(&header, S_ISDIR(status->st_mode) ? '5' : S_ISLNK(status->st_mode) ? '2' : '0', size);
}

// As much as was announced, whatever becomes of the file meanwhile; what it lost is zeros. Said, as is every write to it.
static void pack_content(struct packing *packing, int fd, const struct stat *before, size_t length) {
  char block[BLOCK_BYTES];
  const uint64_t size = (uint64_t)before->st_size;
  uint64_t left = size;
  bool is_short = false;
  while (left > 0) {
    const size_t wanted = left < sizeof block ? (size_t)left : sizeof block;
    ssize_t got = is_short ? 0 : read(fd, block, wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      is_short = true;
      memset(block, 0, wanted);
      got = (ssize_t)wanted;
    }
    answer_bytes(block, (size_t)got);
    left -= (uint64_t)got;
  }
  tar_answer_padding(size);
  struct stat after;
  const bool is_same = fstat(fd, &after) == 0 && after.st_size == before->st_size &&
                       after.st_mtim.tv_sec == before->st_mtim.tv_sec && after.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
  if (is_short || !is_same) leave_out(packing, "changed", length);
}

static void pack_file(struct packing *packing, int folder, const char *name, size_t length) {
  struct stat status;
  const int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    leave_out(packing, "unreadable", length);
  } else if (status.st_size > packing->bytes_left) {
    leave_out(packing, "size", length);
  } else {
    packing->bytes_left -= status.st_size;
    put_entry(packing->path, length, "", 0, &status, (uint64_t)status.st_size);
    pack_content(packing, fd, &status, length);
  }
  if (fd >= 0) close(fd);
}

static void pack_entry(struct packing *packing, int folder, const char *name, size_t length, int depth);

static void pack_folder(struct packing *packing, int folder, size_t length, int depth) {
  _Alignas(8) char names[NAMES_BYTES];
  packing->path[length] = '/';
  for (;;) {
    const long got = syscall(SYS_getdents64, folder, names, sizeof names);
    if (got < 0) leave_out(packing, "unreadable", length);
    if (got <= 0) return;
    for (long at = 0; at < got;) {
      const char *entry = names + at;
      const char *name = entry + offsetof(struct dirent64, d_name);
      uint16_t bytes;
      memcpy(&bytes, entry + offsetof(struct dirent64, d_reclen), sizeof bytes);
      at += bytes;
      if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
      const size_t name_bytes = strlen(name);
      if (length + 1 + name_bytes > MOST_PATH_BYTES - 1) {
        leave_out(packing, "depth", length);
        continue;
      }
      memcpy(packing->path + length + 1, name, name_bytes);
      pack_entry(packing, folder, name, length + 1 + name_bytes, depth + 1);
    }
  }
}

static void pack_link(struct packing *packing, int folder, const char *name, size_t length, const struct stat *status) {
  char target[PATH_MAX];
  const ssize_t got = readlinkat(folder, name, target, sizeof target);
  if (got > 0) put_entry(packing->path, length, target, (size_t)got, status, 0);
  else leave_out(packing, "unreadable", length);
}

static void pack_entry(struct packing *packing, int folder, const char *name, size_t length, int depth) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return; // gone meanwhile
  if (packing->entries_left-- <= 0) leave_out(packing, "count", length);
  else if (S_ISREG(status.st_mode)) pack_file(packing, folder, name, length);
  else if (S_ISLNK(status.st_mode)) pack_link(packing, folder, name, length, &status);
  else if (!S_ISDIR(status.st_mode)) leave_out(packing, "kind", length);
  else if (depth > MOST_DEPTH) leave_out(packing, "depth", length);
  else {
    const int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    put_entry(packing->path, length, "", 0, &status, 0);
    if (inner < 0) leave_out(packing, "unreadable", length);
    else pack_folder(packing, inner, length, depth);
    if (inner >= 0) close(inner);
  }
}

int files_pack(int count, char **words) {
  if (count != 3) return -1;
  static struct packing packing;
  packing.entries_left = argument_number(words[1]);
  packing.bytes_left = argument_number(words[2]);
  packing.notes_left = NOTES_BYTES;
  if (packing.entries_left < 0 || packing.bytes_left < 0) return -1;
  // A FIFO is opened by this and not waited for; a link at the top is followed, as the name was given by whoever asks.
  struct stat status;
  const int top = open(words[0], O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (top < 0 || fstat(top, &status) != 0) return answer_error(errno);
  const bool is_file = S_ISREG(status.st_mode);
  if (!is_file && !S_ISDIR(status.st_mode)) return answer_error(ENXIO);
  if (is_file && status.st_size > packing.bytes_left) return answer_error(EFBIG);
  // Best effort: it reads on while process 1 hands on what is there.
  (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
  answer_text("ok \n");
  packing.path[0] = '.';
  put_entry(packing.path, 1, "", 0, &status, is_file ? (uint64_t)status.st_size : 0);
  if (is_file) pack_content(&packing, top, &status, 1);
  else pack_folder(&packing, top, 1, 0);
  static const char end[2 * TAR_BLOCK];
  answer_bytes(end, sizeof end);
  return answer_end() ? 0 : 1;
}
