// The supervisor: a small process between the runner and the stages.
//
// It is forked from the runner before that one has threads, locks or much memory. It starts every
// stage, is the subreaper of all their descendants, and lives on a socket to the runner. When the
// runner dies, however it dies, the socket closes and the supervisor kills everything it started,
// daemons included. When the supervisor itself is killed, the kernel kills the stages
// (PR_SET_PDEATHSIG, which is sound here because the supervisor has one thread).
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct supervisor_request {
  uint64_t id;            // the caller's name for the attempt, not 0
  const char *const *argv;  // argv[0] is looked up in the PATH of envp
  const char *const *envp;
  const char *attempt;    // the value of PIPELINE_ATTEMPT in envp: finds stray descendants
  const char *directory;  // the working directory
  uint64_t memory_limit;  // bytes of resident memory of the whole process group; 0: no limit
  int standard_input, standard_output, standard_error;
  int messages;           // becomes descriptor 3, or -1
};

enum supervisor_event_kind {
  SUPERVISOR_STARTED = 1,
  SUPERVISOR_NOT_STARTED = 2,  // status is the errno of chdir or exec
  SUPERVISOR_EXITED = 3,
};

struct supervisor_event {
  uint32_t kind;
  int32_t status;           // exit code, or -signal
  uint64_t id;
  int64_t pid;
  int64_t cpu_microseconds;
  int64_t peak_memory;      // bytes, of the largest process
  int64_t over_memory;      // bytes at which the memory limit struck, or 0
};

/// Forks the supervisor. Call it before the process has threads.
///
/// Returns the socket to it, or -1 with errno.
int supervisor_start(pid_t *pid);

/// Asks for a process. The descriptors may be closed after the call. Returns 0, or -1 with errno.
int supervisor_spawn(int socket, const struct supervisor_request *request);

/// Sends a signal to an attempt's process group and stray descendants. Returns 0, or -1 with errno.
int supervisor_signal(int socket, uint64_t id, int signal);

/// Reads the next event without waiting: 1 for an event, 0 for none now, -1 when the supervisor is
/// gone.
int supervisor_receive(int socket, struct supervisor_event *event);


/// Opens a descriptor that becomes readable when the process gets SIGINT or SIGTERM.
int signals_open(void);

/// The next signal from `signals_open`, or 0.
int signals_read(int descriptor);

/// Makes a pipe whose ends no child inherits: ends[0] is read without blocking, ends[1] written.
/// Returns 0, or -1 with errno.
int pipe_open(int ends[2]);

/// Makes a descriptor that is readable once something was written to it, or -1 with errno.
int wakeup_open(void);
