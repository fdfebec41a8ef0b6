#include "keeper/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int ReadAll(int file, char* bytes, size_t size) {
  for (size_t at = 0; at < size;) {
    const ssize_t count = read(file, bytes + at, size - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : EINVAL;
    at += (size_t)count;
  }
  return 0;
}

static int ReadFile(const char* path, char** bytes, size_t* size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  struct stat status;
  int failure = fstat(file, &status) == 0 ? 0 : errno;
  if (failure == 0 && (status.st_size < 1 || status.st_size > kSpecBytes)) failure = EINVAL;
  if (failure == 0) {
    *size = (size_t)status.st_size;
    *bytes = malloc(*size);
    failure = *bytes == NULL ? ENOMEM : ReadAll(file, *bytes, *size);
  }
  close(file);
  // The last field has its end, too.
  if (failure == 0 && (*bytes)[*size - 1] != '\0') failure = EINVAL;
  return failure;
}

static bool ParseNumber(const char* text, unsigned long long* value) {
  if (*text < '0' || *text > '9') return false;
  char* end;
  errno = 0;
  *value = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0';
}

static bool AddLimit(struct Spec* spec, const char* text) {
  static const struct {
    const char* name;
    int resource;
  } kResources[] = {
      {"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},       {"data", RLIMIT_DATA},
      {"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
  };
  const char* colon = strchr(text, ':');
  unsigned long long value;
  if (colon == NULL || spec->limit_count == kSpecLimits) return false;
  if (!ParseNumber(colon + 1, &value)) return false;
  const size_t length = (size_t)(colon - text);
  for (size_t i = 0; i < sizeof(kResources) / sizeof(kResources[0]); i++) {
    const char* name = kResources[i].name;
    if (strlen(name) != length || strncmp(name, text, length) != 0) continue;
    spec->limits[spec->limit_count++] = (struct SpecLimit){kResources[i].resource, (rlim_t)value};
    return true;
  }
  return false;
}

static bool AddText(char** list, size_t most, char* text) {
  size_t count = 0;
  while (list[count] != NULL) count++;
  if (count == most) return false;
  list[count] = text;
  return true;
}

static bool SetNumber(struct Spec* spec, const char* name, const char* text) {
  unsigned long long value;
  if (!ParseNumber(text, &value) || value > 1ull << 40) return false;
  if (strcmp(name, "beatMs") == 0) spec->beat_ms = (long)value;
  if (strcmp(name, "outputBytes") == 0) spec->output_bytes = (size_t)value;
  if (strcmp(name, "outputFiles") == 0) spec->output_files = (int)(value < 1000 ? value : 1000);
  return true;
}

static bool SetNice(struct Spec* spec, const char* text) {
  unsigned long long value;
  const bool negative = *text == '-';
  if (!ParseNumber(text + negative, &value) || value > 20) return false;
  spec->nice = negative ? -(int)value : (int)value;
  spec->has_nice = true;
  return true;
}

// One field. What is not known here is for others who read the file.
static bool SetField(struct Spec* spec, const char* name, char* value) {
  if (strcmp(name, "argument") == 0) return AddText(spec->arguments, kSpecArguments, value);
  if (strcmp(name, "variable") == 0) return AddText(spec->variables, kSpecVariables, value);
  if (strcmp(name, "limit") == 0) return AddLimit(spec, value);
  if (strcmp(name, "nice") == 0) return SetNice(spec, value);
  if (strcmp(name, "folder") == 0) spec->folder = value;
  if (strcmp(name, "user") == 0) spec->user = value;
  if (strcmp(name, "cgroup") == 0) spec->cgroup = value;
  if (strcmp(name, "output") == 0) spec->output = value;
  if (strcmp(name, "ready") == 0) spec->says_ready = strcmp(value, "notify") == 0;
  if (strcmp(name, "beatMs") == 0 || strncmp(name, "output", 6) == 0) {
    return strcmp(name, "output") == 0 || SetNumber(spec, name, value);
  }
  return true;
}

int ReadSpec(const char* path, struct Spec* spec) {
  size_t size = 0;
  const int failure = ReadFile(path, &spec->bytes, &size);
  if (failure != 0) return failure;
  char* at = spec->bytes;
  while (at < spec->bytes + size) {
    char* next = at + strlen(at) + 1;
    char* equals = strchr(at, '=');
    if (equals == NULL) return EINVAL;
    *equals = '\0';
    if (!SetField(spec, at, equals + 1)) return EINVAL;
    at = next;
  }
  return spec->arguments[0] == NULL ? EINVAL : 0;
}
