#define _GNU_SOURCE
#include "supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// What travels to the supervisor. A spawn's strings come in a memory file, since they may be longer
// than a packet.
enum { COMMAND_SPAWN = 1, COMMAND_SIGNAL = 2 };

struct command {
  uint32_t kind;
  int32_t signal;
  uint64_t id;
  uint64_t memory_limit;
  uint32_t argument_count, environment_count;
  uint64_t text_length;
  int32_t has_messages;
};

enum { MAX_DESCRIPTORS = 5 };

struct attempt {
  uint64_t id;
  pid_t pid;
  uint64_t memory_limit;
  int64_t over_memory;
  char name[64];
};

static struct attempt *attempts;
static size_t attempt_count, attempt_capacity;

// MARK: - Runner's side

static int send_command(int socket, const struct command *command, const int *descriptors,
                        int count) {
  struct iovec part = {(void *)command, sizeof *command};
  char control[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
  memset(control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

static int write_all(int descriptor, const char *text, size_t length) {
  while (length > 0) {
    ssize_t count = write(descriptor, text, length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    text += count;
    length -= (size_t)count;
  }
  return 0;
}

int supervisor_spawn(int socket, const struct supervisor_request *request) {
  struct command command = {.kind = COMMAND_SPAWN,
                            .id = request->id,
                            .memory_limit = request->memory_limit,
                            .has_messages = request->messages >= 0};
  size_t length = strlen(request->attempt) + strlen(request->directory) + 2;
  for (const char *const *item = request->argv; *item; item++, command.argument_count++)
    length += strlen(*item) + 1;
  for (const char *const *item = request->envp; *item; item++, command.environment_count++)
    length += strlen(*item) + 1;
  char *text = malloc(length);
  if (!text) return -1;
  char *end = text;
  end = stpcpy(end, request->attempt) + 1;
  end = stpcpy(end, request->directory) + 1;
  for (const char *const *item = request->argv; *item; item++) end = stpcpy(end, *item) + 1;
  for (const char *const *item = request->envp; *item; item++) end = stpcpy(end, *item) + 1;
  command.text_length = length;

  int memory = memfd_create("stage", MFD_CLOEXEC);
  int result = memory < 0 ? -1 : write_all(memory, text, length);
  free(text);
  if (result == 0) {
    int descriptors[MAX_DESCRIPTORS] = {memory, request->standard_input, request->standard_output,
                                        request->standard_error, request->messages};
    result = send_command(socket, &command, descriptors, request->messages >= 0 ? 5 : 4);
  }
  int saved = errno;
  if (memory >= 0) close(memory);
  errno = saved;
  return result;
}

int supervisor_signal(int socket, uint64_t id, int signal) {
  struct command command = {.kind = COMMAND_SIGNAL, .id = id, .signal = signal};
  return send_command(socket, &command, NULL, 0);
}

int supervisor_receive(int socket, struct supervisor_event *event) {
  ssize_t count;
  do count = recv(socket, event, sizeof *event, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count == (ssize_t)sizeof *event) return 1;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  return -1;
}

// MARK: - Supervisor's side

static void report(int socket, struct supervisor_event event) {
  ssize_t sent;
  do sent = send(socket, &event, sizeof event, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
}

static struct attempt *find_pid(pid_t pid) {
  for (size_t i = 0; i < attempt_count; i++)
    if (attempts[i].pid == pid) return &attempts[i];
  return NULL;
}

static struct attempt *find_id(uint64_t id) {
  for (size_t i = 0; i < attempt_count; i++)
    if (attempts[i].id == id) return &attempts[i];
  return NULL;
}

// The processes whose parent is this one now: the stages, and every descendant that lost its own.
static size_t children(pid_t *list, size_t capacity) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  size_t count = 0;
  int pid;
  while (count < capacity && fscanf(file, "%d", &pid) == 1) list[count++] = pid;
  fclose(file);
  return count;
}

// Whether a process was started, at whatever distance, by an attempt.
static int belongs(pid_t pid, const char *attempt) {
  char path[64], wanted[96];
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  size_t wanted_length =
      (size_t)snprintf(wanted, sizeof wanted, "PIPELINE_ATTEMPT=%s", attempt) + 1;
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  char *entry = NULL;
  size_t capacity = 0;
  ssize_t length;
  int found = 0;
  while (!found && (length = getdelim(&entry, &capacity, 0, file)) > 0)
    found = (size_t)length == wanted_length && memcmp(entry, wanted, wanted_length) == 0;
  free(entry);
  fclose(file);
  return found;
}

// A stage's group, and what left the group by setsid and lost its parent.
static void signal_tree(const struct attempt *attempt, int signal) {
  kill(-attempt->pid, signal);
  pid_t list[1024];
  size_t count = children(list, 1024);
  for (size_t i = 0; i < count; i++)
    if (!find_pid(list[i]) && belongs(list[i], attempt->name)) kill(list[i], signal);
}

static void reap(int socket) {
  int status;
  struct rusage usage;
  pid_t pid;
  while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
    struct attempt *attempt = find_pid(pid);
    if (!attempt) continue;
    // What outlives the stage's first process is killed: it could still write into the outputs.
    signal_tree(attempt, SIGKILL);
    struct supervisor_event event = {
        .kind = SUPERVISOR_EXITED,
        .id = attempt->id,
        .pid = pid,
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
        .cpu_microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
                            usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
        .peak_memory = usage.ru_maxrss * 1024LL,
        .over_memory = attempt->over_memory};
    *attempt = attempts[--attempt_count];
    report(socket, event);
  }
}

static const char *path_of(char **environment) {
  for (; *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return "/usr/local/bin:/usr/bin:/bin";
}

// Runs between vfork and exec: only calls that touch no memory of the parent but `failure`.
static void become(char **arguments, char **environment, const char *directory, const char *path,
                   const int *descriptors, int has_messages, volatile int *failure) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 3; i++) dup2(descriptors[i], i);
  if (has_messages) dup2(descriptors[3], 3);
  close_range(has_messages ? 4 : 3, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < 32; number++)
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  umask(022);
  if (chdir(directory) != 0) {
    *failure = errno;
    _exit(127);
  }
  if (strchr(arguments[0], '/')) {
    execve(arguments[0], arguments, environment);
    *failure = errno;
    _exit(127);
  }
  // `failure` is the parent's memory, so it is set only when nothing could be executed.
  int reason = ENOENT;
  char candidate[4096];
  for (const char *start = path; *start;) {
    size_t length = strcspn(start, ":");
    if (length > 0 && length + strlen(arguments[0]) + 2 < sizeof candidate) {
      memcpy(candidate, start, length);
      candidate[length] = '/';
      strcpy(candidate + length + 1, arguments[0]);
      execve(candidate, arguments, environment);
      if (errno != ENOENT && errno != ENOTDIR) reason = errno;
    }
    start += length + (start[length] == ':');
  }
  *failure = reason;
  _exit(127);
}

static void spawn(int socket, const struct command *command, int *descriptors) {
  struct supervisor_event event = {.kind = SUPERVISOR_NOT_STARTED, .id = command->id};
  char *text = mmap(NULL, command->text_length, PROT_READ, MAP_PRIVATE, descriptors[0], 0);
  char **strings =
      calloc(command->argument_count + command->environment_count + 2, sizeof *strings);
  if (attempt_count == attempt_capacity) {
    size_t capacity = attempt_capacity ? attempt_capacity * 2 : 16;
    struct attempt *grown = realloc(attempts, capacity * sizeof *attempts);
    if (grown) {
      attempts = grown;
      attempt_capacity = capacity;
    }
  }
  if (text == MAP_FAILED || !strings || attempt_count == attempt_capacity) {
    event.status = ENOMEM;
    report(socket, event);
    free(strings);
    if (text != MAP_FAILED) munmap(text, command->text_length);
    return;
  }
  const char *name = text;
  const char *directory = name + strlen(name) + 1;
  const char *next = directory + strlen(directory) + 1;
  char **arguments = strings, **environment = strings + command->argument_count + 1;
  for (uint32_t i = 0; i < command->argument_count; i++, next += strlen(next) + 1)
    arguments[i] = (char *)next;
  for (uint32_t i = 0; i < command->environment_count; i++, next += strlen(next) + 1)
    environment[i] = (char *)next;

  // Above the numbers that dup2 fills, so that none overwrites another's source.
  int high[4];
  int count = command->has_messages ? 4 : 3;
  for (int i = 0; i < count; i++) high[i] = fcntl(descriptors[i + 1], F_DUPFD_CLOEXEC, 16);

  volatile int failure = 0;
  const char *path = path_of(environment);
  pid_t pid = vfork();
  if (pid == 0)
    become(arguments, environment, directory, path, high, command->has_messages, &failure);
  if (pid < 0) failure = errno;
  for (int i = 0; i < count; i++) close(high[i]);

  if (pid > 0 && failure == 0) {
    struct attempt *attempt = &attempts[attempt_count++];
    memset(attempt, 0, sizeof *attempt);
    attempt->id = command->id;
    attempt->pid = pid;
    attempt->memory_limit = command->memory_limit;
    snprintf(attempt->name, sizeof attempt->name, "%s", name);
    event.kind = SUPERVISOR_STARTED;
    event.pid = pid;
  } else {
    if (pid > 0) waitpid(pid, NULL, 0);
    event.status = failure;
  }
  report(socket, event);
  free(strings);
  munmap(text, command->text_length);
}

// Adds up the resident memory of each limited attempt's process group and kills what is over.
static void enforce_memory(void) {
  DIR *folder = opendir("/proc");
  if (!folder) return;
  long page = sysconf(_SC_PAGESIZE);
  int64_t *used = calloc(attempt_count, sizeof *used);
  struct dirent *entry;
  while (used && (entry = readdir(folder))) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    if (length <= 0) continue;
    line[length] = 0;
    // The command's name may hold anything, so fields are counted from its last parenthesis.
    char *fields = strrchr(line, ')');
    int group;
    long resident;
    if (!fields || sscanf(fields + 1,
                          " %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                          "%*d %*d %*u %*u %ld",
                          &group, &resident) != 2)
      continue;
    for (size_t i = 0; i < attempt_count; i++)
      if (attempts[i].pid == group) used[i] += resident * page;
  }
  closedir(folder);
  for (size_t i = 0; used && i < attempt_count; i++)
    if (attempts[i].memory_limit && used[i] > (int64_t)attempts[i].memory_limit) {
      attempts[i].over_memory = used[i];
      signal_tree(&attempts[i], SIGKILL);
    }
  free(used);
}

// Nobody is left to tell: kills all descendants, generation by generation, and goes.
static void finish(void) {
  for (size_t i = 0; i < attempt_count; i++) kill(-attempts[i].pid, SIGKILL);
  for (int round = 0; round < 1000; round++) {
    pid_t list[1024];
    size_t count = children(list, 1024);
    for (size_t i = 0; i < count; i++) kill(list[i], SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    if (count == 0 && waitpid(-1, NULL, WNOHANG) < 0) break;
    poll(NULL, 0, 5);
  }
  _exit(0);
}

// Takes one command; returns 0 when the runner is gone.
static int serve(int socket) {
  struct command command;
  struct iovec part = {&command, sizeof command};
  char control[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0 && errno == EINTR) return 1;
  if (count != (ssize_t)sizeof command) return 0;
  int descriptors[MAX_DESCRIPTORS];
  int descriptor_count = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
       header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      descriptor_count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      memcpy(descriptors, CMSG_DATA(header), sizeof(int) * (size_t)descriptor_count);
    }
  if (command.kind == COMMAND_SPAWN) spawn(socket, &command, descriptors);
  if (command.kind == COMMAND_SIGNAL) {
    struct attempt *attempt = find_id(command.id);
    if (attempt) signal_tree(attempt, command.signal);
  }
  for (int i = 0; i < descriptor_count; i++) close(descriptors[i]);
  return 1;
}

static void supervise(int socket) {
  prctl(PR_SET_NAME, "pipeline-super");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  setpgid(0, 0);
  // Whatever a terminal or a scheduler sends, the runner decides what becomes of the stages.
  int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  // The runner's descriptors are not ours: a pipe held open here would never end for its reader.
  int keep = fcntl(socket, F_DUPFD_CLOEXEC, 3);
  if (keep > 3) {
    dup2(keep, 3);
    close(keep);
  }
  fcntl(3, F_SETFD, FD_CLOEXEC);
  close_range(4, ~0U, 0);
  socket = 3;
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 3 && nothing >= 0; i++) dup2(nothing, i);

  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  int ends = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  for (;;) {
    int limited = 0;
    for (size_t i = 0; i < attempt_count; i++) limited |= attempts[i].memory_limit != 0;
    struct pollfd sources[] = {{.fd = socket, .events = POLLIN}, {.fd = ends, .events = POLLIN}};
    int ready = poll(sources, 2, limited ? 100 : -1);
    if (ready < 0 && errno != EINTR) break;
    if (limited) enforce_memory();
    if (ready > 0 && sources[1].revents) {
      struct signalfd_siginfo info;
      while (read(ends, &info, sizeof info) > 0) {
      }
      reap(socket);
    }
    if (ready > 0 && sources[0].revents && !serve(socket)) break;
  }
  finish();
}

int supervisor_start(pid_t *pid) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
  *pid = fork();
  if (*pid == 0) {
    supervise(pair[1]);
    _exit(0);
  }
  int saved = errno;
  close(pair[1]);
  if (*pid < 0) {
    close(pair[0]);
    errno = saved;
    return -1;
  }
  return pair[0];
}

// MARK: - The runner's own signals

int signals_open(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0) return -1;
  return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_read(int descriptor) {
  struct signalfd_siginfo info;
  return read(descriptor, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

// MARK: - Descriptors that Swift cannot make

int pipe_open(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  // Only the reading end: the flag belongs to the open file, and stages expect to block.
  return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -1 : 0;
}

int wakeup_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
