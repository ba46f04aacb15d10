/* A disk that fails when the test wants it to: preloaded (LD_PRELOAD) into keyfob, it counts the calls that change files and,
 * from call FAULT_AT on, does FAULT:
 *   crash   the process is killed, in the middle of it if it is a write: what a power cut or kill -9 leaves
 *   full    the disk is full: nothing can be made or written, everything else works
 *   broken  every write and sync fails with an input/output error
 * Standard streams do not count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static int calls;

static int is(const char *kind) {
    const char *fault = getenv("FAULT");
    return fault && strcmp(fault, kind) == 0;
}

static int due(void) {
    const char *at = getenv("FAULT_AT");
    return at && ++calls >= atoi(at);
}

static void die(void) { kill(getpid(), SIGKILL); }

/* A call that makes something: dies, fails, or (0) goes on. */
static int making(void) {
    if (!due()) return 0;
    if (is("crash")) die();
    if (!is("full")) return 0;
    errno = ENOSPC;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = REAL(ssize_t, write, int, const void *, size_t);
    if (fd > 2 && due()) {
        if (is("crash")) {
            real(fd, bytes, length / 2);
            die();
        }
        errno = is("full") ? ENOSPC : EIO;
        return -1;
    }
    return real(fd, bytes, length);
}

static int opening(int (*real)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && making()) return -1;
    return real(folder, path, flags, mode);
}

#define OPEN(name, real)                                                                       \
    int name(const char *path, int flags, ...) {                                               \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;                            \
        va_end(rest);                                                                          \
        return opening(REAL(int, real, int, const char *, int, ...), AT_FDCWD, path, flags, mode); \
    }
OPEN(open, openat)
OPEN(open64, openat64)

int mkdir(const char *path, mode_t mode) {
    return making() ? -1 : REAL(int, mkdir, const char *, mode_t)(path, mode);
}

static int syncing(void) {
    if (!due()) return 0;
    if (is("crash")) die();
    if (!is("broken")) return 0;
    errno = EIO;
    return -1;
}

int fsync(int fd) { return syncing() ? -1 : REAL(int, fsync, int)(fd); }
int fdatasync(int fd) { return syncing() ? -1 : REAL(int, fdatasync, int)(fd); }

int rename(const char *from, const char *to) {
    if (due() && is("crash")) die();
    return REAL(int, rename, const char *, const char *)(from, to);
}

int unlink(const char *path) {
    if (due() && is("crash")) die();
    return REAL(int, unlink, const char *)(path);
}
