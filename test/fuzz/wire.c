// Fuzz target: the parser of process 1, fed as it feeds itself from a pipe.
#include "../../src/init/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_start(const struct frame *frame) {
  struct start start;
  if (!wire_start(frame->payload, frame->length, &start)) return;
  const char *at = start.strings;
  for (uint32_t i = 0; i < start.argc + start.envc; i++) at += strlen(at) + 1;
  if (at != (const char *)frame->payload + frame->length || start.cwd[0] != '/') abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct frame frame;
  size_t need = 0;
  while (wire_next(data, size, &frame, &need) == WIRE_FRAME) {
    if (need > size || need != HEADER_BYTES + (size_t)frame.length) abort();
    if (frame.type == TO_INIT_START) read_start(&frame);
    if (frame.type == TO_INIT_HELLO) (void)wire_common_version(&frame);
    data += need;
    size -= need;
  }
  if (need > HEADER_BYTES + (size_t)MAX_START_PAYLOAD) abort();
  return 0;
}
