#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "files.h"
#include "text.h"

enum { MOST_LINKS = 40, BLOCK_BYTES = 65536 };

struct draft {
  const char *base; // in `path` of the caller
  int folder;
  struct text name;
  bool only_new;
  int64_t mode; // -1: that of what it replaces, or the usual
  int64_t length;
};

// Where the last name of a path leads, as open() would follow it: what is written goes where any program would write it, and
// a link stays one. `path` has PATH_MAX bytes.
static bool follow(char *path) {
  for (int links = 0; links < MOST_LINKS; links++) {
    char target[PATH_MAX];
    const ssize_t got = readlink(path, target, sizeof target - 1);
    if (got < 0) return errno == EINVAL || errno == ENOENT;
    const char *slash = strrchr(path, '/');
    const size_t kept = target[0] == '/' || slash == NULL ? 0 : (size_t)(slash + 1 - path);
    if (kept + (size_t)got + 1 > PATH_MAX) {
      errno = ENAMETOOLONG;
      return false;
    }
    memcpy(path + kept, target, (size_t)got);
    path[kept + (size_t)got] = '\0';
  }
  errno = ELOOP;
  return false;
}

static bool make_parents(char *path) {
  for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
    *at = '\0';
    struct stat status;
    const int why = mkdir(path, 0777) == 0 ? 0 : errno;
    const bool is_there = why == 0 || (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
    *at = '/';
    if (!is_there) {
      errno = why == EEXIST ? ENOTDIR : why;
      return false;
    }
  }
  return true;
}

// Splits the path; the folder is open from then on, whatever becomes of the names that led to it.
static bool open_folder(struct draft *draft, char *path) {
  char *slash = strrchr(path, '/');
  draft->base = slash == NULL ? path : slash + 1;
  const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (slash == NULL) draft->folder = open(".", flags);
  else if (slash == path) draft->folder = open("/", flags);
  else {
    *slash = '\0';
    draft->folder = open(path, flags);
    *slash = '/';
  }
  if (draft->folder < 0) return false;
  if (*draft->base != '\0' && strcmp(draft->base, ".") != 0 && strcmp(draft->base, "..") != 0) return true;
  errno = EISDIR;
  return false;
}

static int open_draft(struct draft *draft) {
  for (long turn = 0; turn < 100; turn++) {
    draft->name.length = 0;
    text_add(&draft->name, ".paddock-");
    text_add_number(&draft->name, getpid());
    text_add(&draft->name, "-");
    text_add_number(&draft->name, turn);
    const int fd = openat(draft->folder, draft->name.chars, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

static bool put_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    const ssize_t done = write(fd, bytes, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes += done;
    length -= (size_t)done;
  }
  return true;
}

// How many bytes of standard input are in the file, no more than `length`; -1: one of the two failed.
static int64_t copy_input(int fd, int64_t length) {
  char block[BLOCK_BYTES];
  int64_t copied = 0;
  while (copied < length) {
    const int64_t left = length - copied;
    const ssize_t got = read(STDIN_FILENO, block, left < BLOCK_BYTES ? (size_t)left : sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    if (!put_all(fd, block, (size_t)got)) return -1;
    copied += got;
  }
  return copied;
}

// An engine that is still giving us our input when we end may lose what we said: so it is taken first.
static int refuse_unread(const struct draft *draft, int error) {
  char block[BLOCK_BYTES];
  for (int64_t left = draft->length; left > 0;) {
    const ssize_t got = read(STDIN_FILENO, block, left < BLOCK_BYTES ? (size_t)left : sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    left -= got;
  }
  return answer_error(error);
}

static int give_up(const struct draft *draft, int error) {
  unlinkat(draft->folder, draft->name.chars, 0);
  return answer_error(error);
}

static int say_written(bool was_there, const struct stat *now) {
  answer_text(was_there ? "ok replaced " : "ok created ");
  answer_status(now);
  answer_text("\n");
  return answer_end() ? 0 : 1;
}

static int put_in_place(const struct draft *draft, int fd) {
  struct stat before;
  const bool is_there = fstatat(draft->folder, draft->base, &before, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && draft->only_new) return give_up(draft, EEXIST);
  if (is_there && S_ISDIR(before.st_mode)) return give_up(draft, EISDIR);
  // Replacing a FIFO or a device by a file is not what any program that writes there does.
  if (is_there && !S_ISREG(before.st_mode)) return give_up(draft, ENXIO);
  // Who may not write to a file may still rename over it. Nobody means that who asks to write to it.
  if (is_there && faccessat(draft->folder, draft->base, W_OK, 0) != 0) return give_up(draft, errno);
  const bool has_mode = draft->mode >= 0 || is_there;
  const mode_t mode = draft->mode >= 0 ? (mode_t)draft->mode : before.st_mode & 0777;
  if (has_mode && fchmod(fd, mode) != 0) return give_up(draft, errno);
  struct stat now;
  if (fstat(fd, &now) != 0) return give_up(draft, errno);
  if (draft->only_new) {
    if (linkat(draft->folder, draft->name.chars, draft->folder, draft->base, 0) != 0) return give_up(draft, errno);
    unlinkat(draft->folder, draft->name.chars, 0);
  } else if (renameat(draft->folder, draft->name.chars, draft->folder, draft->base) != 0) {
    return give_up(draft, errno);
  }
  return say_written(is_there, &now);
}

static int write_file(struct draft *draft, char *path, bool with_parents) {
  if (!follow(path) || (with_parents && !make_parents(path)) || !open_folder(draft, path)) {
    return refuse_unread(draft, errno);
  }
  const int fd = open_draft(draft);
  if (fd < 0) return refuse_unread(draft, errno);
  // At the limit of a file's size the kernel would end us, and the draft would stay.
  signal(SIGXFSZ, SIG_IGN);
  const int64_t copied = copy_input(fd, draft->length);
  if (copied < 0) return give_up(draft, errno);
  if (copied < draft->length) {
    unlinkat(draft->folder, draft->name.chars, 0);
    answer_text("short ");
    answer_number((uint64_t)copied);
    answer_text("\n");
    answer_end();
    return 1;
  }
  return put_in_place(draft, fd);
}

static int64_t octal(const char *digits) {
  int64_t mode = 0;
  const size_t length = strlen(digits);
  if (length < 1 || length > 4 || strspn(digits, "01234567") != length) return -1;
  for (; *digits != '\0'; digits++) mode = mode * 8 + (*digits - '0');
  return mode > 0777 ? -1 : mode;
}

int files_write(int count, char **words) {
  if (count != 5) return -1;
  struct draft draft;
  memset(&draft, 0, sizeof draft);
  draft.only_new = strcmp(words[1], "create") == 0;
  draft.mode = octal(words[2]);
  draft.length = argument_number(words[4]);
  const bool with_parents = strcmp(words[3], "parents") == 0;
  if (!draft.only_new && strcmp(words[1], "replace") != 0) return -1;
  if (draft.mode < 0 && strcmp(words[2], "-") != 0) return -1;
  if ((!with_parents && strcmp(words[3], "-") != 0) || draft.length < 0) return -1;
  char path[PATH_MAX];
  const size_t length = strlen(words[0]);
  if (length == 0 || length >= sizeof path) return refuse_unread(&draft, length == 0 ? ENOENT : ENAMETOOLONG);
  memcpy(path, words[0], length + 1);
  return write_file(&draft, path, with_parents);
}
