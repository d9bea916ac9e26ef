/*
 * A disk with a volatile cache, and one that fails, as a library to be preloaded into the server.
 *
 * The model. Under the directory DISK_SHIM_ROOT the server's calls go to the real files, which play
 * the page cache: a killed process loses nothing in them. Beside that, in DISK_SHIM_IMAGE, stands
 * what a power cut would leave:
 *
 *   data/ID    the content of a file as of its last fsync or fdatasync. What was written since is not in
 *              it, however it was written: O_DIRECT and sync_file_range make nothing durable, for the
 *              device has a cache too.
 *   journal    one line for every change of names, in order: "create ID INODE PATH", "mkdir PATH",
 *              "rename FROM TO", "unlink PATH", "rmdir PATH", and "sync PATH" when a directory was synced.
 *              A name is durable once its directory was synced, and not by a sync of the file, which is
 *              as little as POSIX promises (ext4 promises more). A journaling file system keeps changes
 *              of names in their order, so a power cut keeps all changes up to some moment.
 *
 * Who simulates a power cut (disk.rs) kills the process and makes the directory anew out of the image, with
 * a choice of what was not synced. Real syncs are left out, since nothing depends on them: the tests run
 * at the speed of memory.
 *
 * Files that existed when the process started are known from the journal. What is neither created nor
 * opened through the calls below is no part of the image, which can only make the test stricter.
 *
 * Faults, by DISK_SHIM_FAULT:
 *   no-sync          every sync reports success and does nothing: the control
 *   no-sync-log      the same for files that end in .log
 *   sync N           the Nth sync of a file or directory fails with EIO, and so do all later ones of it
 *   write N          the Nth write to a file fails with EIO
 *   full PATH        writes that extend a file fail with ENOSPC while PATH exists
 * DISK_SHIM_IMAGE/faults has a line "failed PATH by THREAD" for the fault, and "again PATH by THREAD" for each later
 * sync of what could not be synced.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 65536
#define DESCRIPTORS_MAX 65536

struct file {
    char *path; /* where it is now; NULL when unlinked */
    unsigned long id;
    off_t dirty_from, dirty_to; /* what may differ from the image; empty when equal */
    int whole;                  /* everything may differ */
};

static struct file *files[FILES_MAX];
static int file_count;
/* What a descriptor stood for when it was opened. It may have been closed unseen (by fclose) since. */
static struct open {
    struct file *file;
    char *directory;
    dev_t device;
    ino_t inode;
} opens[DESCRIPTORS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], image[PATH_MAX], fault[32], full_while[PATH_MAX], failed[PATH_MAX];
static unsigned long fault_at, next_id, syncs, writes;
static int journal = -1;

static long raw_open(const char *path, int flags, int mode) {
    return syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

static void die(const char *why) {
    dprintf(2, "disk shim: %s: %s\n", why, strerror(errno));
    abort();
}

static void raw_write(int fd, const char *text, size_t length) {
    if (syscall(SYS_write, fd, text, length) != (long)length) die("the image cannot be written");
}

static void note(const char *format, ...) {
    char line[3 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    raw_write(journal, line, (size_t)length);
}

static void note_fault(const char *what, const char *path) {
    char line[2 * PATH_MAX], name[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s/faults", image);
    int fd = (int)raw_open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    char thread[16] = "";
    prctl(PR_GET_NAME, thread);
    int length = snprintf(line, sizeof line, "%s %s by %s\n", what, path ? path : "(unlinked)", thread);
    raw_write(fd, line, (size_t)length);
    syscall(SYS_close, fd);
}

/* The path below the root with no trailing slash, or NULL when it is elsewhere. */
static const char *inside(const char *path, char *buffer) {
    if (!root[0] || !path) return NULL;
    if (path[0] == '/') {
        snprintf(buffer, PATH_MAX, "%s", path);
    } else {
        char here[PATH_MAX / 2];
        if (!getcwd(here, sizeof here)) return NULL;
        snprintf(buffer, PATH_MAX, "%s/%s", here, path);
    }
    char *to = buffer;
    for (char *from = buffer; *from; from++)
        if (!(from[0] == '/' && from[1] == '/')) *to++ = *from;
    *to = 0;
    while (to > buffer + 1 && to[-1] == '/') *--to = 0;
    size_t length = strlen(root);
    if (strncmp(buffer, root, length)) return NULL;
    return buffer[length] == 0 || buffer[length] == '/' ? buffer : NULL;
}

static struct file *find(const char *path) {
    for (int i = 0; i < file_count; i++)
        if (files[i]->path && !strcmp(files[i]->path, path)) return files[i];
    return NULL;
}

static struct file *add(const char *path, unsigned long id, int whole) {
    struct file *file = NULL;
    for (int i = 0; i < file_count && !file; i++)
        if (!files[i]->path && !files[i]->id) file = files[i];
    if (!file) {
        if (file_count == FILES_MAX) die("too many files");
        file = files[file_count++] = calloc(1, sizeof *file);
    }
    *file = (struct file){.path = strdup(path), .id = id, .whole = whole};
    if (id >= next_id) next_id = id + 1;
    return file;
}

static void forget(const char *path) {
    struct file *file = find(path);
    if (!file) return;
    free(file->path);
    file->path = NULL;
}

static void moved(const char *from, const char *to) {
    forget(to);
    size_t length = strlen(from);
    for (int i = 0; i < file_count; i++) {
        char *path = files[i]->path;
        if (!path || strncmp(path, from, length) || (path[length] && path[length] != '/')) continue;
        char *moved_path = malloc(strlen(to) + strlen(path + length) + 1);
        sprintf(moved_path, "%s%s", to, path + length);
        files[i]->path = moved_path;
        free(path);
    }
}

static void replay(void) {
    char name[PATH_MAX + 16], line[3 * PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    unsigned long id;
    snprintf(name, sizeof name, "%s/journal", image);
    FILE *lines = fopen(name, "re");
    while (lines && fgets(line, sizeof line, lines)) {
        if (sscanf(line, "create %lu %*u %4095s", &id, to) == 2) {
            forget(to);
            add(to, id, 1);
        } else if (sscanf(line, "rename %4095s %4095s", from, to) == 2) {
            moved(from, to);
        } else if (sscanf(line, "unlink %4095s", from) == 1) {
            forget(from);
        }
    }
    if (lines) fclose(lines);
    journal = (int)raw_open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (journal < 0) die("no journal");
}

__attribute__((constructor)) static void begin(void) {
    const char *setting = getenv("DISK_SHIM_ROOT");
    if (!setting) return;
    snprintf(image, sizeof image, "%s", getenv("DISK_SHIM_IMAGE"));
    next_id = 1;
    replay();
    const char *wanted = getenv("DISK_SHIM_FAULT");
    if (wanted && !sscanf(wanted, "full %4095s", full_while))
        sscanf(wanted, "%31s %lu", fault, &fault_at);
    snprintf(root, sizeof root, "%s", setting);
}

static int syncs_are_lost(const struct file *file) {
    if (!strcmp(fault, "no-sync")) return 1;
    size_t length = file && file->path ? strlen(file->path) : 0;
    return !strcmp(fault, "no-sync-log") && length > 4 && !strcmp(file->path + length - 4, ".log");
}

static struct open *entry(int fd) {
    struct stat found;
    if (fd < 0 || fd >= DESCRIPTORS_MAX || !(opens[fd].file || opens[fd].directory)) return NULL;
    if (fstat(fd, &found) || found.st_ino != opens[fd].inode || found.st_dev != opens[fd].device) return NULL;
    return &opens[fd];
}

static struct file *of(int fd) {
    struct open *open = entry(fd);
    return open ? open->file : NULL;
}

static void wrote(int fd, off_t from, ssize_t length) {
    struct file *file = of(fd);
    if (!file || length <= 0) return;
    pthread_mutex_lock(&lock);
    if (file->dirty_from == file->dirty_to) {
        file->dirty_from = from;
        file->dirty_to = from + length;
    } else {
        if (from < file->dirty_from) file->dirty_from = from;
        if (from + length > file->dirty_to) file->dirty_to = from + length;
    }
    pthread_mutex_unlock(&lock);
}

/* Copies what may differ from the image into it. The lock is held. */
static void persist(int fd, struct file *file) {
    static char buffer[1 << 20];
    char name[PATH_MAX + 40];
    struct stat stat_now;
    if (fstat(fd, &stat_now)) die("no size");
    off_t at = file->whole ? 0 : file->dirty_from, end = file->whole ? stat_now.st_size : file->dirty_to;
    if (end > stat_now.st_size) end = stat_now.st_size;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int from = (int)raw_open(name, O_RDONLY, 0);
    snprintf(name, sizeof name, "%s/data/%lu", image, file->id);
    int to = (int)raw_open(name, O_WRONLY | O_CREAT, 0644);
    if (from < 0 || to < 0) die("no image of a file");
    while (at < end) {
        size_t want = end - at < (off_t)sizeof buffer ? (size_t)(end - at) : sizeof buffer;
        ssize_t got = syscall(SYS_pread64, from, buffer, want, at);
        if (got <= 0 || syscall(SYS_pwrite64, to, buffer, got, at) != got) die("no copy into the image");
        at += got;
    }
    /* What is being written at this moment may be in the size already, but was not copied. */
    if (file->whole && syscall(SYS_ftruncate, to, end)) die("no size in the image");
    syscall(SYS_close, from);
    syscall(SYS_close, to);
    file->dirty_from = file->dirty_to = 0;
    file->whole = 0;
}

/* Whether this sync fails: the Nth one, and those after it of the same file. The lock is held. */
static int sync_fails(const char *path) {
    if (strcmp(fault, "sync")) return 0;
    if (!path) path = "(unlinked)";
    if (!strcmp(failed, path)) {
        note_fault("again", path);
        return 1;
    }
    if (++syncs != fault_at) return 0;
    snprintf(failed, sizeof failed, "%s", path);
    note_fault("failed", path);
    return 1;
}

static int sync_one(int fd, long number) {
    struct open *open = entry(fd);
    if (!open) return (int)syscall(number, fd);
    struct file *file = open->file;
    const char *directory = open->directory;
    pthread_mutex_lock(&lock);
    int fails = sync_fails(directory ? directory : file->path);
    if (!fails && directory && strcmp(fault, "no-sync")) note("sync %s\n", directory);
    if (!fails && file && !syncs_are_lost(file)) persist(fd, file);
    pthread_mutex_unlock(&lock);
    if (fails) errno = EIO;
    return fails ? -1 : 0;
}

int fsync(int fd) { return sync_one(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_one(fd, SYS_fdatasync); }
int sync_file_range(int fd, off_t offset, off_t bytes, unsigned flags) {
    return of(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

static int opened(int fd, const char *path, int flags) {
    char buffer[PATH_MAX];
    if (fd < 0 || fd >= DESCRIPTORS_MAX || !(path = inside(path, buffer))) return fd;
    struct stat stat_now;
    if (fstat(fd, &stat_now)) return fd;
    pthread_mutex_lock(&lock);
    free(opens[fd].directory);
    opens[fd] = (struct open){.device = stat_now.st_dev, .inode = stat_now.st_ino};
    if (S_ISDIR(stat_now.st_mode)) {
        opens[fd].directory = strdup(path);
    } else if (S_ISREG(stat_now.st_mode)) {
        struct file *file = find(path);
        if (!file && (flags & O_CREAT)) {
            file = add(path, next_id, 1);
            note("create %lu %lu %s\n", file->id, (unsigned long)stat_now.st_ino, path);
        }
        if (file && (flags & O_TRUNC)) file->whole = 1;
        opens[fd].file = file;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int open_at(int directory, const char *path, int flags, int mode) {
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    return directory == AT_FDCWD || path[0] == '/' ? opened(fd, path, flags) : fd;
}

#define MODE                               \
    int mode = 0;                          \
    if (flags & (O_CREAT | O_TMPFILE)) {   \
        va_list arguments;                 \
        va_start(arguments, flags);        \
        mode = va_arg(arguments, int);     \
        va_end(arguments);                 \
    }

int open(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_at(at, path, flags, mode); }
int creat(const char *path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, (int)mode);
}

int close(int fd) {
    if (fd >= 0 && fd < DESCRIPTORS_MAX) {
        pthread_mutex_lock(&lock);
        free(opens[fd].directory);
        opens[fd] = (struct open){0};
        pthread_mutex_unlock(&lock);
    }
    return (int)syscall(SYS_close, fd);
}

/* Whether there is no room for a file to reach this size; sets errno then. */
static int full(int fd, off_t end) {
    struct stat stat_now;
    if (!full_while[0] || access(full_while, F_OK)) return 0;
    if (fstat(fd, &stat_now) || end <= stat_now.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

/* Whether a write fails; sets errno then. */
static int refused(int fd, off_t end) {
    struct file *file = of(fd);
    if (!file) return 0;
    if (full(fd, end)) return 1;
    if (strcmp(fault, "write")) return 0;
    pthread_mutex_lock(&lock);
    int fails = ++writes == fault_at;
    if (fails) note_fault("failed", file->path);
    pthread_mutex_unlock(&lock);
    if (fails) errno = EIO;
    return fails;
}

static off_t place(int fd) {
    if (!of(fd)) return 0;
    if (fcntl(fd, F_GETFL) & O_APPEND) return lseek(fd, 0, SEEK_END);
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!of(fd)) return syscall(SYS_write, fd, bytes, length);
    off_t at = place(fd);
    if (refused(fd, at + (off_t)length)) return -1;
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    wrote(fd, at, done);
    return done;
}

static size_t sum(const struct iovec *parts, int count) {
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    return length;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!of(fd)) return syscall(SYS_writev, fd, parts, count);
    off_t at = place(fd);
    if (refused(fd, at + (off_t)sum(parts, count))) return -1;
    ssize_t done = syscall(SYS_writev, fd, parts, count);
    wrote(fd, at, done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (refused(fd, at + (off_t)length)) return -1;
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    wrote(fd, at, done);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    if (refused(fd, at + (off_t)sum(parts, count))) return -1;
    ssize_t done = syscall(SYS_pwritev, fd, parts, count, (long)at, 0L);
    wrote(fd, at, done);
    return done;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return pwritev(fd, parts, count, at);
}

int ftruncate(int fd, off_t length) {
    struct file *file = of(fd);
    if (file && full(fd, length)) return -1;
    int done = (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    if (!done && file) file->whole = 1;
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    struct file *file = of(fd);
    if (file && full(fd, offset + length)) return -1;
    int done = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    if (!done && file && mode != FALLOC_FL_KEEP_SIZE) {
        pthread_mutex_lock(&lock);
        file->whole = 1;
        pthread_mutex_unlock(&lock);
    }
    return done;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }

/* The names of files. The file system changes first, then the journal says so, both under the lock. */
static int rename_both(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    const char *inside_from = inside(from, a), *inside_to = inside(to, b);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_rename, from, to);
    if (!done && inside_from && inside_to) {
        moved(a, b);
        note("rename %s %s\n", a, b);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int rename(const char *from, const char *to) { return rename_both(from, to); }

static int remove_name(const char *path, int directory) {
    char buffer[PATH_MAX];
    const char *name = inside(path, buffer);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, directory ? AT_REMOVEDIR : 0);
    if (!done && name) {
        note("%s %s\n", directory ? "rmdir" : "unlink", name);
        forget(name);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int unlink(const char *path) { return remove_name(path, 0); }
int rmdir(const char *path) { return remove_name(path, 1); }

int mkdir(const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    const char *name = inside(path, buffer);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_mkdir, path, mode);
    if (!done && name) note("mkdir %s\n", name);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Writes that no shim can see. */
static void *map(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (of(fd) && (protection & PROT_WRITE) && (flags & MAP_SHARED)) die("a data file is mapped for writing");
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    return map(at, length, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
    return map(at, length, protection, flags, fd, offset);
}
