#include "outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "flow.h"
#include "wire.h"

static struct draft draft;
static size_t head_sent;
static uint8_t kept[MAX_DATA];
static size_t kept_sent;

struct draft *outbox_draft(void) {
  draft.length = 0;
  head_sent = 0;
  kept_sent = 0;
  return &draft;
}

bool outbox_is_busy(void) { return head_sent < draft.length || draft.data > 0; }

void outbox_clear(void) {
  memset(&draft, 0, sizeof draft);
  head_sent = 0;
}

void outbox_keep(struct source *source) {
  if (draft.source != source || draft.data == 0) return;
  struct iovec segments[2];
  const int count = ring_segments(&source->ring, source->ring.tail, draft.data, segments);
  memcpy(kept, segments[0].iov_base, segments[0].iov_len);
  if (count == 2) memcpy(kept + segments[0].iov_len, segments[1].iov_base, segments[1].iov_len);
  source->ring.tail += draft.data;
  draft.source = NULL;
  kept_sent = 0;
}

static void advance(size_t sent) {
  const size_t of_head = sent < draft.length - head_sent ? sent : draft.length - head_sent;
  head_sent += of_head;
  sent -= of_head;
  draft.data -= sent;
  if (draft.source != NULL) draft.source->ring.tail += sent;
  else kept_sent += sent;
}

enum outbox_result outbox_write(int fd) {
  while (outbox_is_busy()) {
    struct iovec parts[3];
    int count = 0;
    if (head_sent < draft.length) parts[count++] = (struct iovec){draft.bytes + head_sent, draft.length - head_sent};
    if (draft.data > 0 && draft.source != NULL) {
      count += ring_segments(&draft.source->ring, draft.source->ring.tail, draft.data, parts + count);
    } else if (draft.data > 0) {
      parts[count++] = (struct iovec){kept + kept_sent, draft.data};
    }
    const ssize_t sent = writev(fd, parts, count);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? OUTBOX_BLOCKED : OUTBOX_GONE;
    advance((size_t)sent);
  }
  // A source that was waiting for room, and whose descriptor may have nothing left to wake us.
  if (draft.source != NULL && draft.source->ending) source_read(draft.source);
  draft.source = NULL;
  return OUTBOX_SENT;
}
