// Preloaded by the fault simulator: counts what a process does to files, and interrupts it at one of these operations.
// Built with: cc -shared -fPIC -o interrupt.so interrupt.c
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { KILL = 1, FULL = 2, BROKEN = 3, TORN = 4 };
static long place = 0, count = 0;
static int fault = 0, is_full = 0;

// From now on, count; interrupt the operation number `at` (0: none).
void interrupt_arm(long at, int kind) { place = at ? at : -1; count = 0; fault = kind; }
long interrupt_count(void) { return count; }

static void end(void) { raise(SIGKILL); }

// 0: do it; -1: do half of it, then end; else the error to fail with
static int due(int takes_space) {
    if (place == 0) return 0;
    long number = __sync_add_and_fetch(&count, 1);
    if (is_full && takes_space) return ENOSPC;
    if (number != place) return 0;
    if (fault == KILL) end();
    if (fault == FULL) { is_full = 1; return ENOSPC; }
    return fault == BROKEN ? EIO : -1;
}

static int is_file(int descriptor) {
    struct stat found;
    return fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define WRITE(name, parameters, descriptor, all, half) \
    ssize_t name parameters { \
        REAL(name); \
        int state = is_file(descriptor) ? due(1) : 0; \
        if (state > 0) { errno = state; return -1; } \
        if (state < 0) { real half; end(); } \
        return real all; \
    }
#define CALL(name, parameters, arguments, takes_space) \
    int name parameters { \
        REAL(name); \
        int state = due(takes_space); \
        if (state > 0) { errno = state; return -1; } \
        int result = real arguments; \
        if (state < 0) end(); \
        return result; \
    }

WRITE(write, (int d, const void *b, size_t n), d, (d, b, n), (d, b, n / 2))
WRITE(pwrite, (int d, const void *b, size_t n, off_t o), d, (d, b, n, o), (d, b, n / 2, o))
WRITE(pwrite64, (int d, const void *b, size_t n, off64_t o), d, (d, b, n, o), (d, b, n / 2, o))
WRITE(sendfile, (int d, int f, off_t *o, size_t n), d, (d, f, o, n), (d, f, o, n / 2))
WRITE(sendfile64, (int d, int f, off64_t *o, size_t n), d, (d, f, o, n), (d, f, o, n / 2))
CALL(fsync, (int d), (d), 0)
CALL(ftruncate, (int d, off_t n), (d, n), 1)
CALL(ftruncate64, (int d, off64_t n), (d, n), 1)
CALL(rename, (const char *a, const char *b), (a, b), 0)
CALL(unlink, (const char *a), (a), 0)
CALL(unlinkat, (int d, const char *a, int f), (d, a, f), 0)
CALL(rmdir, (const char *a), (a), 0)
CALL(mkdir, (const char *a, mode_t m), (a, m), 1)

pid_t fork(void) {
    REAL(fork);
    int state = due(0);
    if (state > 0) { errno = EAGAIN; return -1; }
    pid_t child = real();
    if (child == 0) place = 0;
    else if (state < 0) end();
    return child;
}
