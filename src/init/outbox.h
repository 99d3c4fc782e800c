// The one frame that is being written to the holder.
#ifndef PADDOCK_OUTBOX_H
#define PADDOCK_OUTBOX_H

#include <stdbool.h>

struct draft;
struct source;

enum outbox_result { OUTBOX_SENT, OUTBOX_BLOCKED, OUTBOX_GONE };

// To be filled by the next frame when outbox_is_busy() says no.
struct draft *outbox_draft(void);
bool outbox_is_busy(void);
enum outbox_result outbox_write(int fd);
// Copies what the frame still has to send of this source's ring, which is about to be overwritten or unmapped.
void outbox_keep(struct source *source);
void outbox_clear(void);

#endif
