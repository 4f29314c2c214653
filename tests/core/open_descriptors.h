/* open_descriptors.h - how many descriptors this process has. */
#ifndef PD_TEST_OPEN_DESCRIPTORS_H
#define PD_TEST_OPEN_DESCRIPTORS_H

#include <dirent.h>
#include <stdlib.h>

static inline int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        abort();
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

#endif
