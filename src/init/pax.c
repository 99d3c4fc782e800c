#define _GNU_SOURCE 1
#include "pax.h"

#include <limits.h>
#include <string.h>

static bool to_number(const char *digits, size_t length, uint64_t *number) {
  *number = 0;
  for (size_t i = 0; i < length; i++) {
    if (digits[i] < '0' || digits[i] > '9') return false;
    *number = *number * 10 + (uint64_t)(digits[i] - '0');
  }
  return length > 0 && length < 19;
}

// `[-]SECONDS.NINE DIGITS`
static bool to_time(const char *text, size_t length, struct timespec *time) {
  const bool is_before = length > 0 && text[0] == '-';
  uint64_t seconds, nanoseconds;
  if (is_before) text++, length--;
  if (length < 11 || text[length - 10] != '.') return false;
  if (!to_number(text, length - 10, &seconds) || !to_number(text + length - 9, 9, &nanoseconds)) return false;
  const bool borrows = is_before && nanoseconds > 0;
  time->tv_sec = is_before ? -(time_t)seconds - (borrows ? 1 : 0) : (time_t)seconds;
  time->tv_nsec = (long)(borrows ? 1000000000 - nanoseconds : nanoseconds);
  return true;
}

static bool to_text(const char *value, size_t length, char *into) {
  if (length > PACK_PATH_BYTES || memchr(value, '\0', length) != NULL) return false;
  memcpy(into, value, length);
  into[length] = '\0';
  return true;
}

static bool read_record(struct pax_entry *entry, const char *key, const char *value, size_t length) {
  if (strcmp(key, "path") == 0) return to_text(value, length, entry->path);
  if (strcmp(key, "linkpath") == 0) return to_text(value, length, entry->target);
  if (strcmp(key, "mtime") == 0) return to_time(value, length, &entry->mtime);
  if (strcmp(key, "size") == 0) return to_number(value, length, &entry->size);
  if (strcmp(key, SPARSE_SIZE) == 0) {
    entry->is_sparse = true;
    return to_number(value, length, &entry->real_size);
  }
  if (strncmp(key, XATTR_PREFIX, sizeof XATTR_PREFIX - 1) == 0) return entry->has_attributes = true;
  return strcmp(key, SPARSE_MAJOR) == 0 || strcmp(key, SPARSE_MINOR) == 0 || strcmp(key, SPARSE_NAME) == 0;
}

// Where the record at `at` ends, and what is in it; 0 for none.
static size_t record_at(const char *records, size_t length, size_t at, const char **key, const char **equals) {
  size_t bytes = 0, from = at;
  for (; from < length && records[from] >= '0' && records[from] <= '9' && bytes < length; from++) bytes = bytes * 10 + (size_t)(records[from] - '0');
  if (from == at || bytes > length - at || from + 1 >= at + bytes || records[from] != ' ') return 0;
  *key = records + from + 1;
  *equals = memchr(*key, '=', (size_t)(records + at + bytes - 1 - *key));
  // Read once before, it is ended by a NUL.
  if (*equals == NULL) *equals = memchr(*key, '\0', (size_t)(records + at + bytes - 1 - *key));
  return *equals == NULL || records[at + bytes - 1] != '\n' ? 0 : at + bytes;
}

bool pax_read(struct pax_entry *entry, const struct tar_header *header, char *records, size_t length) {
  entry->size = entry->real_size = 0;
  entry->is_sparse = entry->has_attributes = false;
  entry->mtime = (struct timespec){0};
  entry->type = header->type;
  const int64_t size = tar_octal(header->size, sizeof header->size);
  const int64_t mode = tar_octal(header->mode, sizeof header->mode);
  if (size < 0 || mode < 0 || tar_octal(header->checksum, sizeof header->checksum) != (int64_t)tar_sum(header)) return false;
  entry->mode = (mode_t)mode & 07777;
  entry->size = (uint64_t)size;
  memcpy(entry->path, header->name, sizeof header->name);
  memcpy(entry->target, header->link, sizeof header->link);
  entry->path[sizeof header->name] = entry->target[sizeof header->link] = '\0';
  entry->records = records;
  entry->records_bytes = length;
  for (size_t at = 0; at < length;) {
    const char *key, *equals;
    const size_t end = record_at(records, length, at, &key, &equals);
    if (end == 0) return false;
    records[equals - records] = '\0';
    if (!read_record(entry, key, equals + 1, end - 1 - (size_t)(equals + 1 - records))) return false;
    at = end;
  }
  return !entry->is_sparse || entry->type == '0';
}

bool pax_attribute(const struct pax_entry *entry, size_t *at, const char **name, const char **value, size_t *length) {
  while (*at < entry->records_bytes) {
    const char *key, *equals;
    const size_t end = record_at(entry->records, entry->records_bytes, *at, &key, &equals);
    if (end == 0) return false;
    *at = end;
    if (strncmp(key, XATTR_PREFIX, sizeof XATTR_PREFIX - 1) != 0) continue;
    *name = key + sizeof XATTR_PREFIX - 1;
    equals = key + strlen(key);
    *value = equals + 1;
    *length = end - 1 - (size_t)(equals + 1 - entry->records);
    return true;
  }
  return false;
}

bool pax_is_name(const char *name) {
  return name[0] != '\0' && strlen(name) <= NAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}
