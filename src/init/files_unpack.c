#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "answer.h"
#include "files.h"
#include "tar.h"
#include "text.h"

enum { MOST_PATH_BYTES = 4096, INPUT_BYTES = 262144, RECORDS_BYTES = 16384, NOTES_BYTES = 1 << 16 };

struct entry {
  char path[MOST_PATH_BYTES];
  char target[MOST_PATH_BYTES];
  int64_t size;
  int64_t mtime; // -1: not known
  mode_t mode;
  char type;
};

static uint64_t entries_made;
static uint64_t bytes_made;
static size_t notes_left = NOTES_BYTES;
static bool overwrite;

// What is being written, for whoever ends us in the midst of it: no half of a file stays.
static struct text draft;
static volatile int draft_folder = -1;

static void end_by_signal(int number) {
  if (draft_folder >= 0) unlinkat(draft_folder, draft.chars, 0);
  _exit(128 + number);
}

// As much as the pipe holds: a tree of small files would take three reads for each.
static struct {
  char bytes[INPUT_BYTES];
  size_t begin, end;
} input;

// What is there of the next `most` bytes, at least one of them; 0: the input has ended.
static size_t next_input(const char **at, uint64_t most) {
  while (input.begin == input.end) {
    const ssize_t got = read(STDIN_FILENO, input.bytes, sizeof input.bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    input.begin = 0;
    input.end = (size_t)got;
  }
  const size_t have = input.end - input.begin;
  const size_t length = have < most ? have : (size_t)most;
  *at = input.bytes + input.begin;
  input.begin += length;
  return length;
}

static bool take_input(void *into, size_t length) {
  for (char *to = into; length > 0;) {
    const char *from;
    const size_t got = next_input(&from, length);
    if (got == 0) return false;
    memcpy(to, from, got);
    to += got;
    length -= got;
  }
  return true;
}

static uint64_t padding_after(int64_t size) { return (uint64_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK); }

static bool skip_input(uint64_t length) {
  while (length > 0) {
    const char *from;
    const size_t got = next_input(&from, length);
    if (got == 0) return false;
    length -= got;
  }
  return true;
}

// Only so many are named; then `more`, for each.
static void leave_out(const struct entry *entry, int why) {
  const size_t bytes = strlen(entry->path) + 16;
  if (bytes > notes_left) {
    notes_left = 0;
    answer_bytes("more", 5);
    return;
  }
  notes_left -= bytes;
  answer_text("left ");
  answer_number((uint64_t)why);
  answer_text(" ");
  answer_bytes(entry->path, strlen(entry->path) + 1);
}

// One `LENGTH KEY=VALUE\n` after the other. Keys that are not known are not ours.
static bool read_records(char *records, size_t length, struct entry *entry) {
  for (size_t at = 0; at < length;) {
    size_t bytes = 0;
    size_t from = at;
    for (; from < length && records[from] >= '0' && records[from] <= '9' && bytes <= RECORDS_BYTES; from++)
      bytes = bytes * 10 + (size_t)(records[from] - '0');
    if (bytes < 5 || bytes > length - at || from + 1 >= at + bytes || records[from] != ' ') return false;
    char *key = records + from + 1;
    char *end = records + at + bytes - 1;
    char *equals = memchr(key, '=', (size_t)(end - key));
    if (*end != '\n' || equals == NULL) return false;
    *end = '\0';
    *equals = '\0';
    const size_t value = (size_t)(end - equals);
    char *into = strcmp(key, "path") == 0 ? entry->path : strcmp(key, "linkpath") == 0 ? entry->target : NULL;
    if (into == NULL || value > MOST_PATH_BYTES || strlen(equals + 1) + 1 != value) return false;
    memcpy(into, equals + 1, value);
    at += bytes;
  }
  return true;
}

// 1: an entry; 0: the end; -1: that is none of ours.
static int next_entry(struct entry *entry) {
  struct tar_header header;
  memset(entry, 0, sizeof *entry);
  for (bool with_records = false;;) {
    if (!take_input(&header, sizeof header)) return -1;
    if (header.name[0] == '\0' && !with_records) return 0;
    if (tar_octal(header.checksum, sizeof header.checksum) != (int64_t)tar_sum(&header)) return -1;
    entry->size = tar_octal(header.size, sizeof header.size);
    if (entry->size < 0) return -1;
    if (header.type != 'x') break;
    char records[RECORDS_BYTES];
    if (with_records || entry->size > RECORDS_BYTES || !take_input(records, (size_t)entry->size)) return -1;
    if (!skip_input(padding_after(entry->size)) || !read_records(records, (size_t)entry->size, entry)) return -1;
    with_records = true;
  }
  if (entry->path[0] == '\0' && header.prefix[0] != '\0') {
    memcpy(entry->path, header.prefix, sizeof header.prefix);
    entry->path[strlen(entry->path)] = '/';
  }
  const size_t kept = header.prefix[0] != '\0' ? strlen(entry->path) : 0;
  if (kept > 0 || entry->path[0] == '\0') memcpy(entry->path + kept, header.name, sizeof header.name);
  if (entry->target[0] == '\0') memcpy(entry->target, header.link, sizeof header.link);
  entry->type = header.type;
  entry->mode = (mode_t)tar_octal(header.mode, sizeof header.mode) & 0777;
  entry->mtime = tar_octal(header.mtime, sizeof header.mtime);
  return 1;
}

// Relative, without `..`; what stands behind is the caller's own tree, but nobody gains by a name that leads out of the folder.
static bool is_plain(const char *path) {
  if (*path == '/' || *path == '\0') return false;
  for (const char *at = path; at != NULL; at = strchr(at, '/')) {
    if (*at == '/') at++;
    if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0')) return false;
  }
  return true;
}

static int open_or_make(int folder, const char *name) {
  const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const int inner = openat(folder, name, flags);
  if (inner >= 0 || errno != ENOENT) return inner;
  if (mkdirat(folder, name, 0755) != 0 && errno != EEXIST) return -1;
  return openat(folder, name, flags);
}

// The folder at that path, open; those on the way are made, and no link is followed. -1 with errno.
static int open_below(const char *path, size_t path_bytes) {
  int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t at = 0; folder >= 0 && at < path_bytes;) {
    char name[NAME_MAX + 1];
    const char *slash = memchr(path + at, '/', path_bytes - at);
    const size_t length = (slash == NULL ? path_bytes : (size_t)(slash - path)) - at;
    if (length > NAME_MAX) {
      close(folder);
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy(name, path + at, length);
    name[length] = '\0';
    at += length + 1;
    if (length == 0 || strcmp(name, ".") == 0) continue;
    const int inner = open_or_make(folder, name);
    const int why = errno;
    close(folder);
    errno = why;
    folder = inner;
  }
  return folder;
}

// The folder of the entry before: entries of one folder come together.
static struct {
  int folder;
  size_t path_bytes;
  char path[MOST_PATH_BYTES];
} last = {.folder = -1};

// The folder in which the entry goes; it stays open for the next. -1 with errno.
static int open_parent(const char *path, const char **base) {
  const char *slash = strrchr(path, '/');
  const size_t path_bytes = slash == NULL ? 0 : (size_t)(slash - path);
  *base = slash == NULL ? path : slash + 1;
  if (last.folder >= 0 && last.path_bytes == path_bytes && memcmp(last.path, path, path_bytes) == 0) return last.folder;
  if (last.folder >= 0) close(last.folder);
  last.folder = open_below(path, path_bytes);
  last.path_bytes = path_bytes;
  memcpy(last.path, path, path_bytes);
  return last.folder;
}

static void name_draft(long turn) {
  draft.length = 0;
  text_add(&draft, ".paddock-");
  text_add_number(&draft, getpid());
  text_add(&draft, "-");
  text_add_number(&draft, turn);
}

static int open_draft(int folder, mode_t mode) {
  for (long turn = 0; turn < 100; turn++) {
    name_draft(turn);
    const int fd = openat(folder, draft.chars, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0) draft_folder = folder;
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

static int link_draft(int folder, const char *target) {
  for (long turn = 0; turn < 100; turn++) {
    name_draft(turn);
    const int made = symlinkat(target, folder, draft.chars);
    if (made == 0) draft_folder = folder;
    if (made == 0 || errno != EEXIST) return made;
  }
  return -1;
}

// All of the content is taken from the input, whatever becomes of the file. 0, or what went wrong; -1: the input ended.
static int fill(int fd, int64_t size) {
  int why = 0;
  for (int64_t left = size; left > 0;) {
    const char *from;
    const size_t piece = next_input(&from, (uint64_t)left);
    if (piece == 0) return -1;
    for (size_t at = 0; why == 0 && at < piece;) {
      const ssize_t done = write(fd, from + at, piece - at);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) why = errno;
      else at += (size_t)done;
    }
    left -= (int64_t)piece;
  }
  return why;
}

// Gives the draft a name that nothing has; 0, or what went wrong. Not every file system can do it in one step.
static int name_anew(int folder, const char *base) {
  enum { NO_REPLACE = 1 };
  if (syscall(SYS_renameat2, folder, draft.chars, folder, base, NO_REPLACE) == 0) return 0;
  if (errno == EEXIST) return EEXIST;
  if (linkat(folder, draft.chars, folder, base, 0) != 0) return errno;
  unlinkat(folder, draft.chars, 0);
  return 0;
}

// Gives the draft its name, or takes it away; 0, or what went wrong.
static int put_in_place(int folder, const char *base, int why) {
  if (draft_folder < 0) return why;
  if (why == 0 && overwrite && renameat(folder, draft.chars, folder, base) != 0) why = errno;
  if (why == 0 && !overwrite) why = name_anew(folder, base);
  if (why != 0) unlinkat(folder, draft.chars, 0);
  draft_folder = -1;
  return why;
}

static int finish_file(int fd, const struct entry *entry) {
  struct stat status;
  // A folder may hand down rights of its own.
  const bool has_mode = fstat(fd, &status) == 0 && (status.st_mode & 07777) == entry->mode;
  if (!has_mode && fchmod(fd, entry->mode) != 0) return errno;
  const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime, .tv_nsec = 0}};
  // Not every file system takes every time, and nothing hangs on it.
  if (entry->mtime >= 0) (void)!futimens(fd, times);
  return 0;
}

static int unpack_file(const struct entry *entry, int folder, const char *base) {
  const int fd = open_draft(folder, entry->mode);
  if (fd < 0) {
    const int why = errno;
    return skip_input((uint64_t)entry->size) ? why : -1;
  }
  int why = fill(fd, entry->size);
  if (why == 0) why = finish_file(fd, entry);
  close(fd);
  why = put_in_place(folder, base, why);
  if (why == 0) bytes_made += (uint64_t)entry->size;
  return why;
}

static int unpack_link(const struct entry *entry, int folder, const char *base) {
  return put_in_place(folder, base, link_draft(folder, entry->target) == 0 ? 0 : errno);
}

static int unpack_folder(const struct entry *entry, int folder, const char *base) {
  struct stat status;
  if (mkdirat(folder, base, entry->mode | S_IRWXU) == 0) return 0;
  if (errno != EEXIST) return errno;
  return fstatat(folder, base, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) ? 0 : EEXIST;
}

// 0, or why it was left out; -1: the input ended.
static int unpack_entry(struct entry *entry) {
  for (size_t end = strlen(entry->path); end > 1 && entry->path[end - 1] == '/'; end--) entry->path[end - 1] = '\0';
  const bool is_file = entry->type == '0' || entry->type == '\0';
  if (!is_plain(entry->path) || (!is_file && entry->type != '2' && entry->type != '5')) {
    return skip_input((uint64_t)entry->size) ? EINVAL : -1;
  }
  const char *base;
  const int folder = open_parent(entry->path, &base);
  if (folder < 0) {
    const int why = errno;
    return skip_input((uint64_t)entry->size) ? why : -1;
  }
  int why = 0;
  if (is_file) why = unpack_file(entry, folder, base);
  else if (entry->type == '2') why = unpack_link(entry, folder, base);
  else why = unpack_folder(entry, folder, base);
  if (!is_file && entry->size > 0 && !skip_input((uint64_t)entry->size)) why = -1;
  return why;
}

// What was made until then stays, each file whole.
static int broken_off(void) {
  answer_text("broken");
  answer_bytes("", 1);
  answer_end();
  return 1;
}

static int unpack_all(void) {
  static struct entry entry;
  for (;;) {
    const int next = next_entry(&entry);
    if (next == 0) break;
    const int why = next < 0 ? -1 : unpack_entry(&entry);
    if (why < 0 || !skip_input(padding_after(entry.size))) return broken_off();
    if (why > 0) leave_out(&entry, why);
    else entries_made++;
  }
  // The second empty block, and whatever a writer fills its last record with.
  char rest[TAR_BLOCK];
  while (take_input(rest, sizeof rest)) continue;
  answer_text("made ");
  answer_number(entries_made);
  answer_text(" ");
  answer_number(bytes_made);
  answer_bytes("", 1);
  return answer_end() ? 0 : 1;
}

int files_unpack(int count, char **words) {
  if (count != 2 || (strcmp(words[1], "overwrite") != 0 && strcmp(words[1], "-") != 0)) return -1;
  overwrite = strcmp(words[1], "overwrite") == 0;
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGTERM, end_by_signal);
  umask(0);
  if (chdir(words[0]) != 0) {
    const int why = errno;
    // An engine that is still giving us our input when we end may lose what we said.
    char rest[TAR_BLOCK];
    while (take_input(rest, sizeof rest)) continue;
    return answer_error(why);
  }
  // Best effort: process 1 has somewhere to write while a file is written, and each wakes the other less often.
  (void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, INPUT_BYTES);
  answer_text("ok \n");
  return unpack_all();
}
