#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "answer.h"
#include "files.h"

enum { MOST_DEPTH = 64, MOST_PATH_BYTES = MOST_DEPTH * (NAME_MAX + 1), NAMES_BYTES = 8192 };

struct listing {
  char path[MOST_PATH_BYTES]; // relative to where it began, without a NUL at its end
  int64_t entries_left;
  int64_t bytes_left;
  int64_t depth;
  bool cut;
};

static size_t number_at(const char *at) {
  uint16_t number;
  memcpy(&number, at, sizeof number);
  return number;
}

static bool spend(struct listing *listing, size_t bytes) {
  listing->entries_left--;
  listing->bytes_left -= (int64_t)bytes;
  if (listing->entries_left >= 0 && listing->bytes_left >= 0) return true;
  listing->cut = true;
  return false;
}

static void list_folder(struct listing *listing, int folder, size_t length, int64_t depth);

// One entry, then what is in it: type, mode, size, mtime, why a folder was not opened (0: it was, or was not to be), path,
// NUL, where a link leads, NUL.
static void list_entry(struct listing *listing, int folder, size_t length, const char *name, int64_t depth) {
  struct stat status;
  const size_t name_bytes = strlen(name);
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return; // gone meanwhile
  if (length + name_bytes + 1 > sizeof listing->path) {
    listing->cut = true;
    return;
  }
  char target[PATH_MAX];
  const ssize_t got = S_ISLNK(status.st_mode) ? readlinkat(folder, name, target, sizeof target) : 0;
  const size_t target_bytes = got > 0 ? (size_t)got : 0;
  memcpy(listing->path + length, name, name_bytes);
  const size_t path_bytes = length + name_bytes;
  if (!spend(listing, path_bytes + target_bytes + 64)) return;
  const bool goes_on = S_ISDIR(status.st_mode) && depth < listing->depth;
  const int inner = goes_on ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  const int why = goes_on && inner < 0 ? errno : 0;
  answer_status(&status);
  answer_number((uint64_t)why);
  answer_text(" ");
  answer_bytes(listing->path, path_bytes);
  answer_bytes("", 1);
  answer_bytes(target, target_bytes);
  answer_bytes("", 1);
  if (inner < 0) return;
  listing->path[path_bytes] = '/';
  list_folder(listing, inner, path_bytes + 1, depth + 1);
  close(inner);
}

static bool is_self_or_parent(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static void list_folder(struct listing *listing, int folder, size_t length, int64_t depth) {
  _Alignas(8) char names[NAMES_BYTES];
  for (;;) {
    const long got = syscall(SYS_getdents64, folder, names, sizeof names);
    if (got < 0) listing->cut = true;
    if (got <= 0) return;
    for (long at = 0; at < got;) {
      const char *entry = names + at;
      const char *name = entry + offsetof(struct dirent64, d_name);
      if (!is_self_or_parent(name)) list_entry(listing, folder, length, name, depth);
      if (listing->cut) return;
      at += (long)number_at(entry + offsetof(struct dirent64, d_reclen));
    }
  }
}

int files_list(int count, char **words) {
  if (count != 4) return -1;
  static struct listing listing;
  listing.depth = argument_number(words[1]);
  listing.entries_left = argument_number(words[2]);
  listing.bytes_left = argument_number(words[3]);
  if (listing.depth < 1 || listing.depth > MOST_DEPTH || listing.entries_left < 0 || listing.bytes_left < 0) return -1;
  struct stat status;
  if (stat(words[0], &status) != 0) return answer_error(errno);
  const bool is_folder = S_ISDIR(status.st_mode);
  const int folder = is_folder ? open(words[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (is_folder && folder < 0) return answer_error(errno);
  answer_text("ok ");
  answer_status(&status);
  answer_text("\n");
  if (is_folder) {
    list_folder(&listing, folder, 0, 1);
    answer_text(listing.cut ? "e cut" : "e all");
    answer_bytes("\0", 2);
  }
  return answer_end() ? 0 : 1;
}
