/* What files over a network do, between a program and the C library: locks that say yes to everybody or that are not
   there, and names that are stale for a moment. A test preloads it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int is_set(const char *name, const char *expected) {
    const char *found = getenv(name);
    return found && strcmp(found, expected) == 0;
}

int flock(int file, int operation) {
    (void)file;
    (void)operation;
    if (is_set("NETWORK_FLOCK", "none")) {
        errno = ENOLCK;
        return -1;
    }
    return 0;
}

/* The first two openings of every record fail as they do where another machine has just replaced it. */
int open64(const char *path, int flags, ...) {
    static _Thread_local int n_stale;
    static int (*open_there)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (is_set("NETWORK_STALE", "yes") && strstr(path, ".json") && (flags & O_ACCMODE) == O_RDONLY && n_stale++ % 3 < 2) {
        errno = ESTALE;
        return -1;
    }
    if (!open_there) open_there = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return open_there(path, flags, mode);
}
