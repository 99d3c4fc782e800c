// Sockets on 127.0.0.1 and what connects to them, each connection carried to the holder.
#ifndef PADDOCK_CONNECTION_H
#define PADDOCK_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

// Frames of the holder; false: a violation.
bool listener_open(const struct frame *frame);
bool listener_close(const struct frame *frame);
bool connection_data(const struct frame *frame);
bool connection_end(const struct frame *frame);
bool connection_reset(const struct frame *frame);
bool connection_credit(const struct frame *frame);

// Takes a socket that is connected, and closes it where there is no room; the connection's id, or 0. Nothing is said of it.
uint32_t connection_take(int fd);

uint32_t connections_high(void);
bool connection_draft(uint32_t slot, struct draft *draft);
void connections_watch(void);
// The holder is gone: so are all listeners and connections.
void connections_reset(void);

#endif
