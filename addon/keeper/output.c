#include "keeper/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kPieceBytes = 64 * 1024 };

static void OpenFile(struct Output* output) {
  struct stat status;
  output->file = open(output->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  output->file_bytes = 0;
  if (output->file >= 0 && fstat(output->file, &status) == 0) {
    output->file_bytes = (size_t)status.st_size;
  }
}

void OpenOutput(struct Output* output, const struct Spec* spec, int pipe) {
  *output = (struct Output){.pipe = pipe, .file = -1};
  output->path = spec->output;
  output->most_bytes = spec->output_bytes;
  output->kept_files = spec->output_files;
  if (output->path != NULL) OpenFile(output);
}

// `output` becomes `output.1`, that `output.2`, and the last one goes.
static void Rotate(struct Output* output) {
  char from[PATH_MAX];
  char to[PATH_MAX];
  if (output->file >= 0) close(output->file);
  for (int i = output->kept_files; i > 1; i--) {
    snprintf(from, sizeof(from), "%s.%d", output->path, i - 1);
    snprintf(to, sizeof(to), "%s.%d", output->path, i);
    rename(from, to);
  }
  snprintf(to, sizeof(to), "%s.1", output->path);
  if (output->kept_files == 0) unlink(output->path);
  if (output->kept_files > 0) rename(output->path, to);
  OpenFile(output);
}

// Writes what it can; true: all of it.
static bool Append(struct Output* output, const char* bytes, size_t count) {
  if (output->file < 0) OpenFile(output);
  while (output->file >= 0 && count > 0) {
    const ssize_t written = write(output->file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    output->file_bytes += (size_t)written;
    bytes += written;
    count -= (size_t)written;
  }
  output->untold += count;
  output->dropped += count;
  return count == 0;
}

static void Keep(struct Output* output, const char* bytes, size_t count) {
  if (output->path == NULL) return;
  if (output->file_bytes > 0 && output->file_bytes + count > output->most_bytes) Rotate(output);
  const unsigned long long untold = output->untold;
  if (untold > 0) {
    char line[96];
    const int length =
        snprintf(line, sizeof(line), "\n[%llu bytes of output could not be written]\n", untold);
    output->untold = 0;
    const unsigned long long dropped = output->dropped;
    if (!Append(output, line, (size_t)length)) {
      // There is still no room. The line itself is nobody's output.
      output->untold = untold;
      output->dropped = dropped;
    }
  }
  Append(output, bytes, count);
}

bool MoveOutput(struct Output* output) {
  char piece[kPieceBytes];
  if (output->pipe < 0) return false;
  const ssize_t count = read(output->pipe, piece, sizeof(piece));
  if (count > 0) {
    Keep(output, piece, (size_t)count);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  close(output->pipe);
  output->pipe = -1;
  return false;
}
