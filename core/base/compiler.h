/* compiler.h - attribute names, so that the code says what it means. */
#ifndef PD_COMPILER_H
#define PD_COMPILER_H

#define PD_MUST_CHECK        __attribute__((warn_unused_result))
#define PD_COLD              __attribute__((cold))
#define PD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PD_LIKELY(x)         __builtin_expect(!!(x), 1)
#define PD_UNLIKELY(x)       __builtin_expect(!!(x), 0)
#define PD_LITTLE_ENDIAN     (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* The struct that holds `member`, found from a pointer to the member. */
#define PD_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#endif
