// Connections that the holder asks for, to ports on 127.0.0.1. Once made they are like those that came to a listener.
#ifndef PADDOCK_DIAL_H
#define PADDOCK_DIAL_H

#include <stdbool.h>

#include "wire.h"

// A frame of the holder; false: a violation.
bool dial_open(const struct frame *frame);

bool dials_draft(struct draft *draft);
void dials_watch(void);
// The holder is gone: nobody waits for them.
void dials_reset(void);

#endif
