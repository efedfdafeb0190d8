// roofline: the least that a mark phase has to ask of the kernel, and nothing
// else, as the measure of regsweep's speed. It lists every repository's
// revisions, tags and layer links, reads each revision's and tag's link, reads
// every linked manifest, and lists and stats every blob. It parses and decides
// nothing. Threads take repositories, then prefixes of blobs, from one counter.
// With a FILE it is the measure of gc -m: it also lists the history of every tag,
// and reads the links that the file names, relative to repositories/.
//
//   cc -O2 -pthread roofline.c -o roofline && ./roofline STORE THREADS [FILE]
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct dirent64_raw {
  unsigned long ino;
  long off;
  unsigned short len;
  unsigned char type;
  char name[];
};

static int blobs_fd, repositories_fd;
static atomic_long links, manifests, layers, blobs, bytes;
static atomic_int turn;
static char **names, **more;
static int count, room, extra;
static const int chunk = 64;

typedef void visit(int dir, const char *name);

static void die(const char *what) {
  perror(what);
  exit(1);
}

// list calls f for each name in a directory that does not begin with a dot.
static void list(int at, const char *path, visit *f) {
  static __thread char *buffers[64];
  static __thread int depth;
  int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  if (depth == 64) die("too deep");
  if (!buffers[depth]) buffers[depth] = malloc(1 << 16);
  char *buf = buffers[depth++];
  long n;
  while ((n = syscall(SYS_getdents64, fd, buf, 1 << 16)) > 0)
    for (long i = 0; i < n; i += ((struct dirent64_raw *)(buf + i))->len) {
      const char *name = ((struct dirent64_raw *)(buf + i))->name;
      if (name[0] != '.') f(fd, name);
    }
  if (n < 0) die("getdents64"); // a listing that breaks off is not a short one
  depth--;
  close(fd);
}

static int get(int at, const char *path, char *buf, int room) {
  int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int n = read(fd, buf, room);
  close(fd);
  return n;
}

static void revision(int dir, const char *hex) {
  static __thread char content[1 << 20];
  char path[300], link[128];
  snprintf(path, sizeof path, "%s/link", hex);
  if (get(dir, path, link, sizeof link) <= 0) return;
  links++;
  snprintf(path, sizeof path, "%.2s/%s/data", hex, hex);
  if (get(blobs_fd, path, content, sizeof content) >= 0) manifests++;
}

static void layer(int dir, const char *name) {
  (void)dir, (void)name;
  layers++;
}

static void tag(int dir, const char *name) {
  char path[300], link[128];
  snprintf(path, sizeof path, "%s/current/link", name);
  if (get(dir, path, link, sizeof link) > 0) links++;
  if (!more) return;
  snprintf(path, sizeof path, "%s/index/sha256", name);
  list(dir, path, layer);
}

static void blob(int dir, const char *hex) {
  char path[300];
  struct stat st;
  snprintf(path, sizeof path, "%s/data", hex);
  if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW)) return;
  blobs++;
  bytes += st.st_size;
}

static void repository(const char *name) {
  static const struct { const char *part; visit *f; } parts[] = {
      {"_manifests/revisions/sha256", revision}, {"_manifests/tags", tag}, {"_layers/sha256", layer}};
  char path[4096];
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", name, parts[i].part);
    list(repositories_fd, path, parts[i].f);
  }
}

static void *work(void *unused) {
  for (;;) {
    int i = turn++;
    char prefix[16];
    if (i >= count + 256 + (extra + chunk - 1) / chunk) return unused;
    if (i < count) {
      repository(names[i]);
      continue;
    }
    if (i >= count + 256) {
      char link[128];
      for (int k = (i - count - 256) * chunk, end = k + chunk; k < end && k < extra; k++)
        if (get(repositories_fd, more[k], link, sizeof link) > 0) links++;
      continue;
    }
    snprintf(prefix, sizeof prefix, "%02x", i - count);
    list(blobs_fd, prefix, blob);
  }
}

static char path[4096];

static void find(int dir, const char *name) {
  if (!strcmp(name, "_manifests")) {
    if (count == room && !(names = realloc(names, (room = room * 2 + 64) * sizeof *names))) die("realloc");
    names[count++] = strdup(path);
  }
  if (name[0] == '_') return;
  size_t before = strlen(path);
  snprintf(path + before, sizeof path - before, "%s%s", before ? "/" : "", name);
  list(dir, name, find);
  path[before] = 0;
}

static void read_names(const char *file) {
  FILE *f = fopen(file, "r");
  if (!f) die(file);
  more = malloc(sizeof *more);
  for (char line[4096]; fgets(line, sizeof line, f); extra++) {
    line[strcspn(line, "\n")] = 0;
    if (!more || !(more = realloc(more, (extra + 1) * sizeof *more))) die("realloc");
    more[extra] = strdup(line);
  }
  fclose(f);
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: roofline STORE [THREADS [FILE]]\n"), 2;
  int store = open(argv[1], O_RDONLY | O_DIRECTORY), threads = argc > 2 ? atoi(argv[2]) : 2;
  pthread_t t[256];
  repositories_fd = openat(store, "repositories", O_RDONLY | O_DIRECTORY);
  blobs_fd = openat(store, "blobs/sha256", O_RDONLY | O_DIRECTORY);
  if (repositories_fd < 0 || blobs_fd < 0 || threads < 1 || threads > 256) die(argv[1]);
  list(repositories_fd, ".", find);
  if (argc > 3) read_names(argv[3]);
  for (int i = 0; i < threads; i++) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < threads; i++) pthread_join(t[i], 0);
  printf("repositories %d links %ld manifests %ld layers %ld blobs %ld bytes %ld\n", count, links, manifests, layers, blobs, bytes);
}
