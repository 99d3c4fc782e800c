#include "tar.h"

#include <stddef.h>

uint64_t tar_sum(const struct tar_header *header) {
  const unsigned char *bytes = (const unsigned char *)header;
  const size_t from = offsetof(struct tar_header, checksum);
  uint64_t sum = 0;
  for (size_t i = 0; i < TAR_BLOCK; i++) sum += i >= from && i < from + sizeof header->checksum ? ' ' : bytes[i];
  return sum;
}

int64_t tar_octal(const char *field, unsigned length) {
  int64_t number = 0;
  unsigned at = 0;
  while (at < length && field[at] == ' ') at++;
  if (at == length) return -1;
  for (; at < length && field[at] != ' ' && field[at] != '\0'; at++) {
    if (field[at] < '0' || field[at] > '7') return -1;
    number = number * 8 + (field[at] - '0');
  }
  return number;
}

void tar_put_octal(char *field, unsigned length, uint64_t number) {
  field[--length] = '\0';
  while (length > 0) {
    field[--length] = (char)('0' + number % 8);
    number /= 8;
  }
}
