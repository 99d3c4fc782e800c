#include "wire.h"

#include <string.h>

uint16_t wire_u16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }
uint32_t wire_u32(const uint8_t *at) { return (uint32_t)wire_u16(at) | (uint32_t)wire_u16(at + 2) << 16; }
uint64_t wire_u64(const uint8_t *at) { return (uint64_t)wire_u32(at) | (uint64_t)wire_u32(at + 4) << 32; }

enum id_kind { ID_SESSION = 1, ID_COMMAND = 2, ID_CONNECTION = 4 };

// What each type's header may say.
static const struct shape {
  uint32_t least, most;
  unsigned ids;
} shapes[] = {
    [TO_INIT_HELLO] = {HELLO_NONCE_AT + NONCE_BYTES, HELLO_NONCE_AT + NONCE_BYTES, ID_SESSION},
    [TO_INIT_START] = {START_FIXED_BYTES, MAX_START_PAYLOAD, ID_COMMAND},
    [TO_INIT_INPUT] = {1, MAX_DATA, ID_COMMAND},
    [TO_INIT_INPUT_END] = {0, 0, ID_COMMAND},
    [TO_INIT_CREDIT] = {4, 4, ID_COMMAND | ID_CONNECTION},
    [TO_INIT_SIGNAL] = {2, 2, ID_COMMAND},
    [TO_INIT_END] = {4, 4, ID_COMMAND},
    [TO_INIT_RESIZE] = {4, 4, ID_COMMAND},
    [TO_INIT_FORGET] = {0, 0, ID_COMMAND},
    [TO_INIT_PING] = {0, MAX_PING, ID_SESSION},
    [TO_INIT_LISTEN] = {2, 2, ID_COMMAND},
    [TO_INIT_UNLISTEN] = {0, 0, ID_COMMAND},
    [TO_INIT_CONNECTION_DATA] = {1, MAX_DATA, ID_CONNECTION},
    [TO_INIT_CONNECTION_END] = {0, 0, ID_CONNECTION},
    [TO_INIT_CONNECTION_RESET] = {0, 0, ID_CONNECTION},
    [TO_INIT_SHUTDOWN] = {0, 0, ID_SESSION},
    [TO_INIT_DEADLINE] = {8, 8, ID_SESSION},
    [TO_INIT_PREPARE] = {0, 0, ID_COMMAND},
    [TO_INIT_HOLD] = {0, 0, ID_SESSION},
    [TO_INIT_DIAL] = {2, 2, ID_COMMAND},
};

static unsigned id_kind(uint32_t id) {
  if (id == 0) return ID_SESSION;
  return id < (uint32_t)FIRST_CONNECTION_ID ? ID_COMMAND : ID_CONNECTION;
}

static bool stream_fits(const struct frame *frame) {
  if (frame->type != TO_INIT_CREDIT) return frame->stream == STREAM_NONE;
  if (id_kind(frame->id) == ID_CONNECTION) return frame->stream == STREAM_CONNECTION;
  return frame->stream == STREAM_STDOUT || frame->stream == STREAM_STDERR;
}

static bool header_fits(const struct frame *frame, uint16_t zero) {
  if (zero != 0 || frame->type == 0 || frame->type >= sizeof shapes / sizeof shapes[0]) return false;
  const struct shape *shape = &shapes[frame->type];
  if (frame->length < shape->least || frame->length > shape->most) return false;
  return (shape->ids & id_kind(frame->id)) != 0 && stream_fits(frame);
}

static bool is_deadline(uint64_t ms) { return ms >= 1 && ms <= (uint64_t)MAX_DEADLINE_MS; }

static bool payload_fits(const struct frame *frame) {
  if (frame->type == TO_INIT_HELLO) return memcmp(frame->payload, CHANNEL_MAGIC, 8) == 0;
  if (frame->type == TO_INIT_DEADLINE) return is_deadline(wire_u64(frame->payload));
  if (frame->type == TO_INIT_DIAL) return wire_u16(frame->payload) != 0;
  if (frame->type != TO_INIT_SIGNAL) return true;
  return frame->payload[0] >= 1 && frame->payload[0] <= 64 && frame->payload[1] <= SCOPE_FOREGROUND;
}

enum wire_result wire_next(const uint8_t *bytes, size_t have, struct frame *frame, size_t *need) {
  *need = HEADER_BYTES;
  if (have < HEADER_BYTES) return WIRE_MORE;
  frame->length = wire_u32(bytes);
  frame->type = bytes[4];
  frame->stream = bytes[5];
  frame->id = wire_u32(bytes + 8);
  frame->payload = bytes + HEADER_BYTES;
  // Before the payload is there: nothing is to wait, or ask for memory, for what will be refused.
  if (!header_fits(frame, wire_u16(bytes + 6))) return WIRE_VIOLATION;
  *need = HEADER_BYTES + (size_t)frame->length;
  if (have < *need) return WIRE_MORE;
  return payload_fits(frame) ? WIRE_FRAME : WIRE_VIOLATION;
}

uint16_t wire_common_version(const struct frame *hello) {
  const uint16_t least = wire_u16(hello->payload + 8);
  const uint16_t greatest = wire_u16(hello->payload + 10);
  return least <= CHANNEL_VERSION && greatest >= CHANNEL_VERSION ? CHANNEL_VERSION : 0;
}

static bool is_apparmor_line(const char *line) {
  if (line[0] == '\0') return true;
  if (strncmp(line, "exec ", 5) == 0) return line[5] != '\0';
  return strncmp(line, "stack ", 6) == 0 && line[6] != '\0';
}

static bool start_fields(const uint8_t *payload, struct start *start) {
  start->timeout_ms = wire_u32(payload);
  start->grace_ms = wire_u32(payload + 4);
  start->ring_bytes = wire_u32(payload + 8);
  start->credit[0] = wire_u32(payload + 12);
  start->credit[1] = wire_u32(payload + 16);
  start->flags = wire_u16(payload + 20);
  start->umask = wire_u16(payload + 22);
  start->rows = wire_u16(payload + 24);
  start->columns = wire_u16(payload + 26);
  start->rlimits = wire_u32(payload + 28);
  start->argc = wire_u32(payload + 32);
  start->envc = wire_u32(payload + 36);
  start->limits = payload + START_FIXED_BYTES;
  if (start->ring_bytes > MAX_RING_BYTES || start->umask > 0777 || start->rlimits > MAX_RLIMITS) return false;
  if (start->credit[0] > MAX_CREDIT || start->credit[1] > MAX_CREDIT) return false;
  return (start->flags & ~(START_TTY | START_STDIN)) == 0 && start->argc >= 1;
}

// The string at `*at`, which moves behind its NUL; NULL when there is none.
static const char *next_string(const uint8_t **at, const uint8_t *end) {
  const uint8_t *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;
  if (nul == NULL) return NULL;
  const char *string = (const char *)*at;
  *at = nul + 1;
  return string;
}

static bool start_strings(const uint8_t *at, const uint8_t *end, struct start *start) {
  start->cwd = next_string(&at, end);
  if (start->cwd == NULL || start->cwd[0] != '/') return false;
  start->apparmor = next_string(&at, end);
  if (start->apparmor == NULL || !is_apparmor_line(start->apparmor)) return false;
  start->strings = (const char *)at;
  for (uint32_t i = 0; i < start->argc; i++) {
    if (next_string(&at, end) == NULL) return false;
  }
  for (uint32_t i = 0; i < start->envc; i++) {
    const char *entry = next_string(&at, end);
    if (entry == NULL || entry[0] == '\0' || strchr(entry + 1, '=') == NULL) return false;
  }
  return at == end;
}

bool wire_start(const uint8_t *payload, size_t length, struct start *start) {
  if (length < START_FIXED_BYTES || !start_fields(payload, start)) return false;
  const size_t fixed = START_FIXED_BYTES + (size_t)start->rlimits * START_RLIMIT_BYTES;
  if (length < fixed) return false;
  for (uint32_t i = 0; i < start->rlimits; i++) {
    if (wire_u32(start->limits + (size_t)i * START_RLIMIT_BYTES + 4) != 0) return false;
  }
  return start_strings(payload + fixed, payload + length, start);
}

void draft_begin(struct draft *draft, enum from_init type, unsigned stream, uint32_t id) {
  memset(draft, 0, sizeof *draft);
  draft->length = 4;
  draft_u16(draft, (uint16_t)((unsigned)type | stream << 8));
  draft_u16(draft, 0);
  draft_u32(draft, id);
}

void draft_bytes(struct draft *draft, const void *bytes, size_t length) {
  if (length > sizeof draft->bytes - draft->length) return;
  memcpy(draft->bytes + draft->length, bytes, length);
  draft->length += length;
}

static void put(struct draft *draft, uint64_t value, size_t size) {
  uint8_t bytes[8];
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  draft_bytes(draft, bytes, size);
}

void draft_u16(struct draft *draft, uint16_t value) { put(draft, value, 2); }
void draft_u32(struct draft *draft, uint32_t value) { put(draft, value, 4); }
void draft_u64(struct draft *draft, uint64_t value) { put(draft, value, 8); }

void draft_seal(struct draft *draft) {
  const size_t end = draft->length;
  draft->length = 0;
  draft_u32(draft, (uint32_t)(end - HEADER_BYTES + draft->data));
  draft->length = end;
}
