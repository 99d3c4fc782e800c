// The frames between Paddock (the holder of a session's channel) and process 1 of its sandbox. docs/channel.md says
// what each means; src/channel/protocol.ts has the same tables, and a test holds the two against each other, so the
// enums below keep the form NAME = number, one a line.
#ifndef PADDOCK_PROTOCOL_H
#define PADDOCK_PROTOCOL_H

#include <stdint.h>

#define CHANNEL_MAGIC "PADDOCK\n"

// The largest integer that the JavaScript side can name exactly, 2^53 - 1.
#define MAX_DEADLINE_MS INT64_C(9007199254740991)

// Every number on the wire is little-endian. A frame is a header and `length` bytes of payload:
//   u32 length · u8 type · u8 stream · u16 zero · u32 id
// FIRST_CONNECTION_ID is no int, which C11 wants every enumerator to be.
__extension__ enum channel_size {
  CHANNEL_VERSION = 1,
  HEADER_BYTES = 12,
  NONCE_BYTES = 16,
  MAX_DATA = 65536,
  MAX_PAYLOAD = 65552,
  MAX_START_PAYLOAD = 2097152,
  MAX_PING = 64,
  MAX_COMMANDS = 128,
  MAX_CONNECTIONS = 256,
  MAX_LISTENERS = 8,
  MAX_DIALS = 16,
  MAX_RLIMITS = 16,
  MAX_RING_BYTES = 1048576,
  STREAM_RING_BYTES = 65536,
  INPUT_WINDOW = 524288,
  CONNECTION_WINDOW = 131072,
  MAX_CREDIT = 16777216,
  FIRST_CONNECTION_ID = 2147483648,
};

enum channel_stream {
  STREAM_NONE = 0,
  STREAM_STDOUT = 1,
  STREAM_STDERR = 2,
  STREAM_CONNECTION = 3,
};

enum to_init {
  TO_INIT_HELLO = 0x01,
  TO_INIT_START = 0x02,
  TO_INIT_INPUT = 0x03,
  TO_INIT_INPUT_END = 0x04,
  TO_INIT_CREDIT = 0x05,
  TO_INIT_SIGNAL = 0x06,
  TO_INIT_END = 0x07,
  TO_INIT_RESIZE = 0x08,
  TO_INIT_FORGET = 0x09,
  TO_INIT_PING = 0x0a,
  TO_INIT_LISTEN = 0x0b,
  TO_INIT_UNLISTEN = 0x0c,
  TO_INIT_CONNECTION_DATA = 0x0d,
  TO_INIT_CONNECTION_END = 0x0e,
  TO_INIT_CONNECTION_RESET = 0x0f,
  TO_INIT_SHUTDOWN = 0x10,
  TO_INIT_DEADLINE = 0x11,
  TO_INIT_PREPARE = 0x12,
  TO_INIT_HOLD = 0x13,
  TO_INIT_DIAL = 0x14,
};

enum from_init {
  FROM_INIT_HELLO = 0x81,
  FROM_INIT_STARTED = 0x82,
  FROM_INIT_FAILED = 0x83,
  FROM_INIT_OUTPUT = 0x84,
  FROM_INIT_OUTPUT_END = 0x85,
  FROM_INIT_CREDIT = 0x86,
  FROM_INIT_EXITED = 0x87,
  FROM_INIT_STATE = 0x88,
  FROM_INIT_PONG = 0x89,
  FROM_INIT_LISTENING = 0x8a,
  FROM_INIT_ACCEPTED = 0x8b,
  FROM_INIT_CONNECTION_DATA = 0x8c,
  FROM_INIT_CONNECTION_END = 0x8d,
  FROM_INIT_CONNECTION_RESET = 0x8e,
  FROM_INIT_BYE = 0x8f,
  FROM_INIT_DEADLINE = 0x90,
  FROM_INIT_PREPARED = 0x91,
  FROM_INIT_DIALLED = 0x92,
};

enum start_flag {
  START_TTY = 1,
  START_STDIN = 2,
};

enum signal_scope {
  SCOPE_LEADER = 0,
  SCOPE_TREE = 1,
  SCOPE_FOREGROUND = 2,
};

enum failed_stage {
  STAGE_TABLE = 1,
  STAGE_PIPE = 2,
  STAGE_FORK = 3,
  STAGE_TTY = 4,
  STAGE_RLIMIT = 5,
  STAGE_CWD = 6,
  STAGE_APPARMOR = 7,
  STAGE_EXEC = 8,
};

enum exited_how {
  HOW_EXITED = 0,
  HOW_SIGNALED = 1,
  HOW_LOST = 2,
};

enum exited_cause {
  CAUSE_ITSELF = 0,
  CAUSE_TIMEOUT = 1,
  CAUSE_ENDED = 2,
  CAUSE_SUPERVISOR_LOST = 3,
};

enum state_phase {
  PHASE_RUNNING = 0,
  PHASE_FINISHED = 1,
};

enum hello_flag {
  HELLO_TAKEN_OVER = 1,
  HELLO_PROC_READABLE = 2,
};

enum bye_why {
  BYE_STOPPED = 0,
  BYE_DEADLINE = 1,
  BYE_VIOLATION = 2,
  BYE_UNKILLABLE = 3,
  BYE_KERNEL = 4,
};

// Exit statuses of process 1.
enum init_exit {
  EXIT_STOPPED = 0,
  EXIT_BAD_USAGE = 2,
  EXIT_KERNEL = 71,
  EXIT_CHANNEL_CLOSED = 75,
  EXIT_VIOLATION = 76,
  EXIT_UNKILLABLE = 77,
  EXIT_DEADLINE = 124,
};

#endif
