#include "pax-records.h"

#include <string.h>

#include "layer-pack.h"

static char records[PACK_RECORDS_BYTES];
static size_t records_bytes;

const char *pax_records(void) { return records; }

size_t pax_records_bytes(void) { return records_bytes; }

void pax_records_begin(void) { records_bytes = 0; }

size_t pax_digits(uint64_t number, char *digits) {
  char reversed[24];
  size_t count = 0;
  do {
    reversed[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  for (size_t i = 0; i < count; i++) digits[i] = reversed[count - 1 - i];
  return count;
}

static void put_in_records(const void *bytes, size_t length) {
  memcpy(records + records_bytes, bytes, length);
  records_bytes += length;
}

// `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits as well.
bool pax_add(const char *key, const char *more, const void *value, size_t length) {
  char digits[24];
  const size_t rest = strlen(key) + strlen(more) + length + 3;
  size_t whole = rest + pax_digits(rest, digits);
  whole = rest + pax_digits(whole, digits);
  if (whole > sizeof records - records_bytes) return false;
  put_in_records(digits, pax_digits(whole, digits));
  put_in_records(" ", 1);
  put_in_records(key, strlen(key));
  put_in_records(more, strlen(more));
  put_in_records("=", 1);
  put_in_records(value, length);
  put_in_records("\n", 1);
  return true;
}

bool pax_add_number(const char *key, uint64_t number) {
  char digits[24];
  return pax_add(key, "", digits, pax_digits(number, digits));
}

bool pax_add_time(const struct timespec *time) {
  const bool is_before = time->tv_sec < 0;
  const bool borrows = is_before && time->tv_nsec > 0;
  uint64_t seconds = (uint64_t)(is_before ? -(time->tv_sec + (borrows ? 1 : 0)) : time->tv_sec);
  long nanoseconds = borrows ? 1000000000 - time->tv_nsec : time->tv_nsec;
  char digits[48];
  size_t length = 0;
  if (is_before) digits[length++] = '-';
  length += pax_digits(seconds, digits + length);
  digits[length] = '.';
  for (size_t at = 9; at > 0; nanoseconds /= 10) digits[length + at--] = (char)('0' + nanoseconds % 10);
  return pax_add("mtime", "", digits, length + 10);
}
