/*
 * engine_peer.h - an engine's door on a free port of the loopback address, and a peer that comes through it.
 *
 * What cannot be had ends the test at once; so these may be called from any thread.
 */
#ifndef PD_TEST_ENGINE_PEER_H
#define PD_TEST_ENGINE_PEER_H

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "engine/engine.h"

/* Listens for what the port says; gives the address. */
static inline struct sockaddr_in peer_door(struct pd_engine *e, struct pd_port port)
{
    struct sockaddr_in door = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct pd_listener_config config;
    char name[PD_ADDR_TEXT_MAX];
    char error[512];
    pd_listener_config_init(&config);
    config.host = "127.0.0.1";
    if (!e || !pd_engine_listen(e, &config, &port, name, sizeof name, error, sizeof error))
        abort();
    door.sin_port = htons((uint16_t)atoi(strrchr(name, ':') + 1));
    return door;
}

/* A connection, which may still wait to be accepted. */
static inline int peer_dial(const struct sockaddr_in *door)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)door, sizeof *door) != 0)
        abort();
    return fd;
}

/* Sends all of it; nobody reads meanwhile, so the kernel must have room. */
static inline void peer_say(int fd, struct pd_slice text)
{
    CHECK(send(fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n);
}

#endif
