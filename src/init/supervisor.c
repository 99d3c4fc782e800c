// One process between process 1 and each command. It is the reaper of everything that the command leaves behind, so
// whatever has forked twice and made a session of its own is still found beneath it. The command has the same uid and
// may kill or stop it: hence it keeps no time, and process 1 does what it fails to do.
#define _GNU_SOURCE 1
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

struct job {
  int link;
  int exec_pipe; // -1: its end has been reported
  pid_t leader;
  bool ended, failed, killed;
  int seat; // -1: the first process has what it needs. Nothing is written to it, for that could fail
  int far[STREAM_ENDS];
  struct desk *desk;
  int status;
  size_t reaped;
  uint64_t started_us, ended_us;
};

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void close_span(unsigned from, unsigned to) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, from, to, 0) == 0) return;
#endif
  // Process 1 takes the lowest numbers there are, and its tables bound how many.
  for (unsigned fd = from; fd <= to && fd < 4096; fd++) close((int)fd);
}

static void close_all_but(int *kept, size_t count) {
  unsigned from = 0;
  for (size_t done = 0; done < count; done++) {
    size_t least = done;
    for (size_t i = done; i < count; i++) {
      if (kept[i] < kept[least]) least = i;
    }
    const unsigned fd = (unsigned)kept[least];
    kept[least] = kept[done];
    if (fd > from) close_span(from, fd - 1);
    if (fd >= from) from = fd + 1;
  }
  close_span(from, ~0U);
}

static void send_report(const struct job *job, const struct report *report) {
  (void)send(job->link, report, sizeof *report, MSG_NOSIGNAL);
}

static void report_start(struct job *job) {
  uint32_t failure[2] = {0, 0};
  const ssize_t got = read(job->exec_pipe, failure, sizeof failure);
  close(job->exec_pipe);
  job->exec_pipe = -1;
  job->failed = got == (ssize_t)sizeof failure;
  struct report report = {.kind = job->failed ? REPORT_FAILED : REPORT_STARTED, .pid = (uint32_t)job->leader};
  report.stage = failure[0];
  report.error = failure[1];
  send_report(job, &report);
}

// False when no child is left.
static bool reap(struct job *job) {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid == 0) return true;
    if (pid < 0) return false;
    job->reaped++;
    if (pid != job->leader || job->ended) continue;
    job->ended = true;
    job->status = status;
    job->ended_us = now_us();
  }
}

// Returns when nothing is left. Forks that slipped through one round of killing are met by the next.
static void end_tree(struct job *job) {
  static const struct timespec pause = {.tv_sec = 0, .tv_nsec = 10000000};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (reap(job)) {
    size_t found = tree_kill(NULL, 0);
    if (found == 0) {
      // Without /proc the command's own group is all that can be named.
      kill(-job->leader, SIGKILL);
      found = 1;
    }
    for (const size_t goal = job->reaped + found; job->reaped < goal;) {
      if (sigtimedwait(&child, NULL, &pause) < 0) break;
      if (!reap(job)) return;
    }
  }
}

// A terminal stays open: without an open end its other side would be told of an end that is none.
static void close_streams(int *far, bool terminal) {
  const int kept = terminal ? far[TERMINAL] : -1;
  if (terminal) far[TERMINAL] = -1;
  streams_close(far);
  far[TERMINAL] = kept;
}

static void begin(struct job *job) {
  job->started_us = now_us();
  close_streams(job->far, job->desk->terminal);
  job->desk->begun = true;
  munmap(job->desk, sizeof *job->desk);
  close(job->seat);
  job->seat = -1;
}

static void obey(struct job *job) {
  struct order order;
  const ssize_t got = recv(job->link, &order, sizeof order, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got != (ssize_t)sizeof order) {
    // Process 1 is gone. Outside a pid namespace, where the kernel would not do it, this is the last chance.
    end_tree(job);
    _exit(1);
  }
  if (order.kind == ORDER_BEGIN) {
    if (job->seat >= 0) begin(job);
  } else if (order.kind == ORDER_GO_ON) {
    // As long as it has executed nothing it is ours, and nobody else lets it go on.
    if (!job->ended && job->exec_pipe >= 0) kill(job->leader, SIGCONT);
  } else if (order.kind == ORDER_KILL) {
    job->killed = !job->ended;
    end_tree(job);
  } else if (order.kind == ORDER_SIGNAL_TREE) {
    tree_signal(order.signal);
  } else if (!job->ended) {
    kill(job->leader, order.signal);
  }
}

static void report_end(struct job *job) {
  // Whatever outlives its parent becomes ours: without a child there is nothing to look for.
  const size_t strays = job->killed || !reap(job) ? 0 : tree_signal(0);
  end_tree(job);
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  struct report report = {.kind = REPORT_ENDED, .strays = (uint32_t)strays};
  report.how = WIFSIGNALED(job->status) ? HOW_SIGNALED : HOW_EXITED;
  report.status = (uint32_t)(WIFSIGNALED(job->status) ? WTERMSIG(job->status) : WEXITSTATUS(job->status));
  report.user_us = (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec;
  report.system_us = (uint64_t)usage.ru_stime.tv_sec * 1000000 + (uint64_t)usage.ru_stime.tv_usec;
  report.peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
  report.duration_us = job->ended_us - job->started_us;
  send_report(job, &report);
}

static void nothing(int signal) { (void)signal; }

// Every signal stays blocked, so that what the command sends to all of its user's processes passes by; only SIGKILL
// and SIGSTOP can't be. The handler is there because an ignored SIGCHLD would not interrupt ppoll.
static void take_signals(sigset_t *while_waiting) {
  sigfillset(while_waiting);
  sigprocmask(SIG_SETMASK, while_waiting, NULL);
  sigdelset(while_waiting, SIGCHLD);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = nothing;
  sigaction(SIGCHLD, &action, NULL);
}

static void watch_over(struct job *job) {
  sigset_t while_waiting;
  take_signals(&while_waiting);
  while (reap(job) && !job->ended) {
    struct pollfd waits[2] = {{.fd = job->link, .events = POLLIN}, {.fd = job->exec_pipe, .events = POLLIN}};
    if (ppoll(waits, 2, NULL, &while_waiting) <= 0) continue;
    if (waits[1].revents != 0) report_start(job);
    if (waits[0].revents != 0) obey(job);
  }
  if (job->exec_pipe >= 0) report_start(job);
  if (!job->failed) report_end(job);
}

static _Noreturn void give_up(const struct job *job, enum failed_stage stage) {
  const struct report report = {.kind = REPORT_FAILED, .stage = stage, .error = (uint32_t)errno};
  send_report(job, &report);
  _exit(1);
}

// 0, 1 and 2 go as well: nothing is opened before the first process has its streams there.
static void close_all_but_ours(const struct plan *plan, const int *pipe_ends, const int *seats) {
  int kept[5 + STREAM_ENDS] = {plan->link, pipe_ends[0], pipe_ends[1]};
  size_t count = 3;
  for (int i = 0; i < 2 && plan->desk != NULL; i++) kept[count++] = seats[i];
  for (int i = 0; i < STREAM_ENDS; i++) {
    if (plan->far[i] >= 0) kept[count++] = plan->far[i];
  }
  close_all_but(kept, count);
}

_Noreturn void supervise(const struct plan *plan) {
  struct job job = {.link = plan->link, .seat = -1, .desk = plan->desk};
  int pipe_ends[2], seats[2];
  memcpy(job.far, plan->far, sizeof job.far);
  // Before anything is closed: 0, 1 and 2 have to stay taken, for the first process writes over them.
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) give_up(&job, STAGE_PIPE);
  if (plan->desk != NULL && pipe2(seats, O_CLOEXEC) != 0) give_up(&job, STAGE_PIPE);
  close_all_but_ours(plan, pipe_ends, seats);
  // What is to run is on the desk.
  if (plan->desk != NULL) munmap(plan->inbox, plan->inbox_bytes);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) give_up(&job, STAGE_FORK);
  setsid();
  job.started_us = now_us();
  job.leader = fork();
  if (job.leader < 0) give_up(&job, STAGE_FORK);
  if (job.leader == 0 && plan->desk == NULL) first_process(plan, pipe_ends[1]);
  if (job.leader == 0) {
    close(seats[1]);
    seated_process(plan, seats[0], pipe_ends[1]);
  }
  job.exec_pipe = pipe_ends[0];
  close(pipe_ends[1]);
  if (plan->desk != NULL) {
    job.seat = seats[1];
    close(seats[0]);
  } else {
    close_streams(job.far, plan->terminal);
    munmap(plan->inbox, plan->inbox_bytes);
  }
  watch_over(&job);
  _exit(0);
}
