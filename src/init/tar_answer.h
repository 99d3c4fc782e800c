// The writing end of tar, on what a mode answers with (answer.h).
#ifndef PADDOCK_TAR_ANSWER_H
#define PADDOCK_TAR_ANSWER_H

#include <stdint.h>

#include "tar.h"

// Fills in what every header has, its sum last, and writes it.
void tar_answer_header(struct tar_header *header, char type, uint64_t size);
// Up to a whole block, behind so many bytes.
void tar_answer_padding(uint64_t length);

#endif
