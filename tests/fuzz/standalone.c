/* SPDX-License-Identifier: Apache-2.0 */

/* A main() for a fuzz target without libFuzzer: runs the target over every
 * file named on the command line or, without arguments, over every file of
 * tests/fuzz/corpus/NAME, where the program is called fuzz-NAME.  An empty
 * or missing corpus fails, so that a renamed directory is noticed. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An input longer than this is not read: no corpus file comes near it. */
#define CORPUS_FILE_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int run_corpus(const char *program);
static int run_file(const char *path);

int
main(int argc, char *argv[])
{
    int n = 0;

    if (LLVMFuzzerInitialize) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            n += run_file(argv[i]);
        }
    } else {
        n = run_corpus(argv[0]);
    }
    /* The line that Check's programs end with, for tests/summary.py. */
    printf("100%%: Checks: %d, Failures: 0, Errors: 0\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Runs the corpus that belongs to 'program'; returns the number of files. */
static int
run_corpus(const char *program)
{
    const char *base = strrchr(program, '/');
    const char *name = base ? base + 1 : program;
    char dir_name[512];
    char path[1024];
    struct dirent *entry;
    int n = 0;

    if (!strncmp(name, "fuzz-", 5)) {
        name += 5;
    }
    snprintf(dir_name, sizeof dir_name, "%s/tests/fuzz/corpus/%s",
             NVA_SRCDIR, name);
    DIR *dir = opendir(dir_name);
    if (!dir) {
        fprintf(stderr, "%s: %s\n", dir_name, strerror(errno));
        return 0;
    }
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir_name, entry->d_name);
            n += run_file(path);
        }
    }
    closedir(dir);
    return n;
}

/* Runs the target over one file; returns 1. */
static int
run_file(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");

    if (!file || fstat(fileno(file), &st) || st.st_size > CORPUS_FILE_MAX) {
        fprintf(stderr, "%s: cannot be read, or is too long\n", path);
        exit(EXIT_FAILURE);
    }

    /* Exactly as long as the input, so that reading past it is seen. */
    size_t size = st.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: short read\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);

    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}
