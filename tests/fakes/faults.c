/* A disk that fails when the test wants it to: preloaded (LD_PRELOAD) into keyfob, it counts the calls that change files and,
 * from call FAULT_AT on, does FAULT:
 *   crash   the process is killed, in the middle of it if it is a write: what a power cut or kill -9 leaves
 *   full    the disk is full: nothing can be made or written, everything else works
 *   broken  every write and sync fails with an input/output error
 *   power   the power fails (before call FAULT_AT, or at the end, if that is no call that is made): what was written into files since
 *           their last sync is gone, and what was made, renamed or removed in folders since theirs, in those whose path has
 *           FAULT_UNDONE in it; elsewhere the disk happened to be faster
 * Standard streams do not count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
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

static void die(void) { kill(getpid(), SIGKILL); }

/* What only the caches know: files by a descriptor of our own, and steps in folders. `kept` is a second name of what a rename or
 * a removal took away. */
enum { MOST = 256 };
static int unsynced[MOST], files;
static struct step {
    enum { MADE, RENAMED, REMOVED } kind;
    char folder[PATH_MAX], from[PATH_MAX], to[PATH_MAX], kept[PATH_MAX];
} steps[MOST];
static int taken;

static void no_room(void) {
    static const char why[] = "faults: too many steps\n";
    if (REAL(ssize_t, write, int, const void *, size_t)(2, why, sizeof why - 1)) abort();
}

static int same(int one, int other) {
    struct stat a, b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void wrote(int fd) {
    struct stat about;
    /* A terminal or a pipe keeps nothing. */
    if (!is("power") || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return;
    for (int n = 0; n < files; n++)
        if (same(unsynced[n], fd)) return;
    if (files == MOST) no_room();
    unsynced[files++] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
}

static void synced(int fd) {
    char link[64], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!is("power") || readlink(link, path, sizeof path - 1) < 0) return;
    for (int n = 0; n < files; n++)
        if (same(unsynced[n], fd)) unsynced[n] = unsynced[--files];
    int left = 0;
    for (int n = 0; n < taken; n++) {
        if (strcmp(steps[n].folder, path) != 0)
            steps[left++] = steps[n];
        else if (steps[n].kept[0])
            REAL(int, unlink, const char *)(steps[n].kept);
    }
    taken = left;
}

/* Notes a step before it is taken. */
static void step(int kind, const char *from, const char *to) {
    char folder[PATH_MAX];
    if (!is("power")) return;
    if (taken == MOST) no_room();
    struct step *new = &steps[taken++];
    new->kind = kind;
    snprintf(new->from, PATH_MAX, "%s", from);
    snprintf(new->to, PATH_MAX, "%s", to);
    snprintf(folder, PATH_MAX, "%s", to);
    if (!realpath(dirname(folder), new->folder)) new->folder[0] = 0;
    snprintf(new->kept, PATH_MAX, "%s.kept-%d", to, calls);
    if (kind == MADE || link(to, new->kept) != 0) new->kept[0] = 0;
}

/* What could not be done is no step. */
static int if_done(int result) {
    if (result == 0 || !is("power")) return result;
    int why = errno;
    struct step *last = &steps[--taken];
    if (last->kept[0]) REAL(int, unlink, const char *)(last->kept);
    errno = why;
    return result;
}

static void power_fails(void) {
    const char *undone = getenv("FAULT_UNDONE");
    for (int n = 0; n < files; n++)
        if (ftruncate(unsynced[n], 0) != 0) abort();
    while (taken-- > 0) {
        struct step *last = &steps[taken];
        if (undone && strstr(last->folder, undone)) {
            /* What is in a folder goes with it, however well it was synced. */
            char lost[PATH_MAX];
            snprintf(lost, PATH_MAX, "%.4000s.lost-%d", last->to, taken);
            if (last->kind == MADE && remove(last->to) != 0)
                REAL(int, rename, const char *, const char *)(last->to, lost);
            if (last->kind == RENAMED) REAL(int, rename, const char *, const char *)(last->to, last->from);
            if (last->kept[0]) REAL(int, rename, const char *, const char *)(last->kept, last->to);
        } else if (last->kept[0]) {
            REAL(int, unlink, const char *)(last->kept);
        }
    }
}

static int due(void) {
    const char *at = getenv("FAULT_AT");
    if (!at || ++calls < atoi(at)) return 0;
    if (is("power")) {
        power_fails();
        die();
    }
    return 1;
}

__attribute__((destructor)) static void ended(void) {
    if (is("power")) power_fails();
}

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
    if (fd > 2) wrote(fd);
    return real(fd, bytes, length);
}

static int opening(int (*real)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && making()) return -1;
    if ((flags & O_CREAT) && access(path, F_OK) != 0) step(MADE, path, path);
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
    if (making()) return -1;
    step(MADE, path, path);
    return if_done(REAL(int, mkdir, const char *, mode_t)(path, mode));
}

int symlink(const char *target, const char *path) {
    if (making()) return -1;
    step(MADE, path, path);
    return if_done(REAL(int, symlink, const char *, const char *)(target, path));
}

static int syncing(void) {
    if (!due()) return 0;
    if (is("crash")) die();
    if (!is("broken")) return 0;
    errno = EIO;
    return -1;
}

int fsync(int fd) {
    if (syncing()) return -1;
    synced(fd);
    return REAL(int, fsync, int)(fd);
}

int fdatasync(int fd) {
    if (syncing()) return -1;
    synced(fd);
    return REAL(int, fdatasync, int)(fd);
}

int rename(const char *from, const char *to) {
    if (due() && is("crash")) die();
    step(RENAMED, from, to);
    return if_done(REAL(int, rename, const char *, const char *)(from, to));
}

int unlink(const char *path) {
    if (due() && is("crash")) die();
    step(REMOVED, path, path);
    return if_done(REAL(int, unlink, const char *)(path));
}
