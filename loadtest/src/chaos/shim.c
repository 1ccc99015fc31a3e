/* Loaded into stores and server nodes by LD_PRELOAD. Two files say what it does, and are read anew ten times a second:
 *   $CHAOS_FSYNC_MS  milliseconds that every fsync and fdatasync takes on top
 *   $CHAOS_CLOCK_MS  milliseconds by which the wall clock is off; clocks that only count on are left alone
 * A file that is missing or empty stands for 0. In the directory $CHAOS_SYNCED, where there is one, a file named after the
 * inode says how many bytes of each file have surely reached the disk: all that it held before the last fsync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long read_number(const char *variable) {
    const char *path = getenv(variable);
    char text[32] = {0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t n = read(file, text, sizeof text - 1);
    close(file);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int real_gettime(clockid_t clock, struct timespec *time) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return next(clock, time);
}

static long offset_ms(void) {
    static _Atomic long known, read_at;
    struct timespec now;
    real_gettime(CLOCK_MONOTONIC, &now);
    long ms = now.tv_sec * 1000 + now.tv_nsec / 1000000, last = atomic_load(&read_at);
    if ((last == 0 || ms - last >= 100) && atomic_compare_exchange_strong(&read_at, &last, ms))
        atomic_store(&known, read_number("CHAOS_CLOCK_MS"));
    return atomic_load(&known);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = real_gettime(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long ms = offset_ms();
        time->tv_sec += ms / 1000;
        time->tv_nsec += ms % 1000 * 1000000;
        if (time->tv_nsec >= 1000000000) { time->tv_sec++; time->tv_nsec -= 1000000000; }
        if (time->tv_nsec < 0) { time->tv_sec--; time->tv_nsec += 1000000000; }
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}

static void note_synced(const struct stat *before) {
    const char *directory = getenv("CHAOS_SYNCED");
    char path[4096], text[32];
    if (!directory || !S_ISREG(before->st_mode)) return;
    snprintf(path, sizeof path, "%s/%llu", directory, (unsigned long long)before->st_ino);
    int note = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (note < 0) return;
    /* Always as long, so that one write replaces it as a whole. */
    int length = snprintf(text, sizeof text, "%020lld", (long long)before->st_size);
    if (pwrite(note, text, length, 0) != length) unlink(path);
    close(note);
}

static int after(const char *name, int file) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct stat before;
    int is_known = fstat(file, &before) == 0, result = next(file);
    long ms = read_number("CHAOS_FSYNC_MS");
    if (ms > 0) {
        struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
        nanosleep(&wait, NULL);
    }
    if (is_known && result == 0) note_synced(&before);
    return result;
}

int fsync(int file) { return after("fsync", file); }
int fdatasync(int file) { return after("fdatasync", file); }
