/*
 * standalone.c - runs a fuzz target over given files, without libFuzzer.
 *
 * Usage: fuzz_X FOLDER. For compilers that have no libFuzzer, and to measure
 * what the seeds cover.
 */
#include <dirent.h>

#include "fuzz.h"

enum { PATH_LEN = 4096 };

static bool run_file(const char *folder, const char *name)
{
    static uint8_t data[FUZZ_INPUT_MAX];
    char path[PATH_LEN];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && n < PATH_LEN ? fopen(path, "rb") : NULL;
    if (!f)
        return false;
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    /* in a block of its own size, so that a sanitizer sees a read past its end */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        return false;
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    bool fine = true;
    for (struct dirent *entry = readdir(folder); fine && entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        fine = run_file(argv[1], entry->d_name);
        count++;
    }
    closedir(folder);
    printf("%zu inputs\n", count);
    return !fine || !count;
}
