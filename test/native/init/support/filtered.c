// Runs a program under a filter that answers the canary of Paddock's profiles. Usage: filtered FIRST-ERRNO PROGRAM ARG...
#define _GNU_SOURCE 1
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const unsigned first = (unsigned)atoi(argv[1]);
  struct sock_filter lines[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x70646b00, 0, 4),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0x70646b03, 3, 0),
      // The same answer to all four, but the last.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x70646b03, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1025),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | first),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof lines / sizeof lines[0], lines};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 3;
  execv(argv[2], argv + 2);
  return 4;
}
