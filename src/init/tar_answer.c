#include "tar_answer.h"

#include <stddef.h>
#include <string.h>

#include "answer.h"

void tar_answer_header(struct tar_header *header, char type, uint64_t size) {
  header->type = type;
  tar_put_octal(header->size, sizeof header->size, size);
  memcpy(header->magic, "ustar\00000", sizeof header->magic);
  tar_put_octal(header->checksum, sizeof header->checksum - 1, tar_sum(header));
  header->checksum[7] = ' ';
  answer_bytes(header, sizeof *header);
}

void tar_answer_padding(uint64_t length) {
  static const char zeros[TAR_BLOCK];
  const size_t over = (size_t)(length % TAR_BLOCK);
  if (over > 0) answer_bytes(zeros, TAR_BLOCK - over);
}
