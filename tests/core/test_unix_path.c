/* test_unix_path.c - Unix listeners: modes, locks, stale sockets and what must be left alone. */
#define _GNU_SOURCE
#include "listener_fixture.h"

#include <sys/wait.h>

/* reliability D16: the mode holds whatever the umask is. */
static void test_unix_mode_and_cleanup(void)
{
    static const mode_t masks[] = { 0, 022, 0777 };
    for (size_t i = 0; i < 3; i++) {
        struct pd_listener l;
        struct stat st;
        mode_t old = umask(masks[i]);
        bool ok = open_unix("a.sock", &l);
        umask(old);
        CHECK(ok);
        if (!ok)
            continue;
        CHECK(strcmp(l.name, "unix:a.sock") == 0);
        CHECK_INT(lstat("a.sock", &st), 0);
        CHECK(S_ISSOCK(st.st_mode));
        CHECK_INT(st.st_mode & 07777, 0660);
        CHECK(exists("a.sock.lock"));
        check_serves(&l, "");
        pd_listener_close(&l);
        CHECK(!exists("a.sock"));
        CHECK(!exists("a.sock.lock"));
    }
}

static void test_unix_owner(void)
{
    struct pd_listener_config config;
    struct pd_listener l;
    struct stat st;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_UNIX;
    config.path = "owned.sock";
    config.mode = 0600;
    config.uid = geteuid();
    config.gid = getegid();
    CHECK(open_with(&config, &l));
    CHECK_INT(lstat("owned.sock", &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(st.st_uid, geteuid());
    pd_listener_close(&l);
    config.uid = geteuid() + 1;
    bool ok = open_with(&config, &l);
    CHECK(ok == (geteuid() == 0)); /* only root may give files away */
    if (ok) {
        CHECK_INT(lstat("owned.sock", &st), 0);
        CHECK_INT(st.st_uid, config.uid);
        pd_listener_close(&l);
    } else {
        CHECK_ERR("Start as root, or leave the owner out.");
    }
    CHECK(!exists("owned.sock"));
}

/* reliability D13: the second server fails with a message, the first is untouched. */
static void test_unix_live_socket_is_refused(void)
{
    struct pd_listener first, second;
    CHECK(open_unix("live.sock", &first));
    CHECK(!open_unix("live.sock", &second));
    CHECK_ERR("PD0201: cannot listen on unix:live.sock: the address is in use");
    CHECK_ERR("holds live.sock.lock");
    CHECK(exists("live.sock.lock"));
    check_serves(&first, "");
    /* Also without the lock file, as with another program that listens there. */
    CHECK_INT(unlink("live.sock.lock"), 0);
    CHECK(!open_unix("live.sock", &second));
    CHECK_ERR("Stop the program that listens there");
    struct pd_accepted probe; /* the question itself arrives as a connection */
    CHECK_INT(pd_listener_accept(&first, &probe), PD_ACCEPT_OK);
    close(probe.fd);
    check_serves(&first, "");
    pd_listener_close(&first);
    CHECK(!exists("live.sock"));
}

/* reliability D14: what a killed server left behind is taken over. */
static void test_unix_stale_socket_is_taken_over(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "stale.sock" };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    CHECK_INT(listen(fd, 1), 0);
    close(fd);
    close(open("stale.sock.lock", O_CREAT | O_RDWR, 0600));
    struct pd_listener l;
    CHECK(open_unix("stale.sock", &l));
    check_serves(&l, "");
    pd_listener_close(&l);
    CHECK(!exists("stale.sock") && !exists("stale.sock.lock"));
}

/* reliability D15: nothing but a stale socket of our own is replaced. */
static void test_unix_strange_paths_are_refused(void)
{
    struct pd_listener l;
    CHECK_INT(symlink("nowhere", "link.sock"), 0);
    CHECK(!open_unix("link.sock", &l));
    CHECK_ERR("symbolic link");
    CHECK(foreseen);
    close(open("file.sock", O_CREAT | O_WRONLY, 0600));
    CHECK(!open_unix("file.sock", &l));
    CHECK_ERR("not a socket");
    CHECK_INT(mkdir("dir.sock", 0700), 0);
    CHECK(!open_unix("dir.sock", &l));
    CHECK_ERR("not a socket");
    CHECK(exists("link.sock") && exists("file.sock") && exists("dir.sock") && !exists("nowhere"));
    CHECK(!exists("link.sock.lock") && !exists("file.sock.lock"));
    CHECK(!open_unix("missing/a.sock", &l));
    CHECK_ERR("its directory does not exist\nCreate it first.");
    CHECK(foreseen);
    CHECK(!open_unix("dir.sock/", &l));
    CHECK_ERR("must end in a file name");
    CHECK_INT(chmod("dir.sock", 0777), 0);
    CHECK(!open_unix("dir.sock/a", &l));
    CHECK_ERR("PD0210: will not listen on unix:");
    CHECK(foreseen);
    CHECK_INT(chmod("dir.sock", 01777), 0);
    CHECK(open_unix("dir.sock/a", &l)); /* like /tmp */
    pd_listener_close(&l);
    CHECK_INT(symlink("file.sock", "b.sock.lock"), 0);
    CHECK(!open_unix("b.sock", &l));
    CHECK_ERR("cannot open the lock file b.sock.lock");
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "dgram.sock" };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    CHECK(!open_unix("dgram.sock", &l));
    CHECK_ERR("cannot tell whether it is in use");
    close(fd);
    static const char *const leftovers[] = { "link.sock", "file.sock", "b.sock.lock", "dgram.sock" };
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        CHECK_INT(unlink(leftovers[i]), 0);
    CHECK_INT(rmdir("dir.sock"), 0);
}

static void test_unix_other_users_socket_is_refused(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "other.sock" };
    struct pd_listener l;
    if (geteuid() != 0)
        return; /* only root can make such a file */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    CHECK_INT(chown("other.sock", 12345, (gid_t)-1), 0);
    CHECK(!open_unix("other.sock", &l));
    CHECK_ERR("belongs to another user");
    CHECK_INT(unlink("other.sock"), 0);
}

/* reliability C16: 107 bytes fit, 108 do not. */
static void test_unix_path_length(void)
{
    char path[200];
    struct pd_listener l;
    memset(path, 'p', sizeof path);
    path[107] = '\0';
    CHECK(open_unix(path, &l));
    CHECK_INT(strlen(l.name), 5 + 107);
    check_serves(&l, "");
    pd_listener_close(&l);
    CHECK(!exists(path));
    path[107] = 'p';
    path[108] = '\0';
    CHECK(!open_unix(path, &l));
    CHECK_ERR("1 to 107 bytes, but has 108");
    CHECK(!open_unix("", &l));
    CHECK_ERR("1 to 107 bytes, but has 0");
}

static void test_unix_abstract(void)
{
    char name[64];
    struct pd_listener l, second;
    snprintf(name, sizeof name, "@pd-test-%ld", (long)getpid());
    CHECK(open_unix(name, &l));
    CHECK(strncmp(l.name, "unix:@pd-test-", 14) == 0);
    CHECK(!exists(name));
    check_serves(&l, "");
    CHECK(!open_unix(name, &second));
    CHECK_ERR("the address is in use");
    pd_listener_close(&l);
}

/* What was put there since by somebody else is not ours to unlink. */
static void test_unix_close_unlinks_only_its_own(void)
{
    struct pd_listener l;
    CHECK(open_unix("swap.sock", &l));
    CHECK_INT(rename("swap.sock", "kept.sock"), 0);
    close(open("swap.sock", O_CREAT | O_WRONLY, 0600));
    pd_listener_close(&l);
    CHECK_INT(unlink("swap.sock"), 0);
    CHECK_INT(unlink("kept.sock"), 0);
}

static void test_unix_child_does_not_unlink(const char *dir)
{
    struct pd_listener l;
    int status = -1;
    CHECK(open_unix("fork.sock", &l));
    pid_t pid = fork();
    if (pid == 0) {
        pd_listener_close(&l);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(exists("fork.sock") && exists("fork.sock.lock"));
    struct pd_listener second;
    CHECK(!open_unix("fork.sock", &second)); /* the lock is still held */
    CHECK_INT(chdir("/"), 0);                /* closing finds the path nevertheless */
    pd_listener_close(&l);
    CHECK_INT(chdir(dir), 0);
    CHECK(!exists("fork.sock") && !exists("fork.sock.lock"));
}

static void run_all(const char *dir)
{
    test_unix_mode_and_cleanup();
    test_unix_owner();
    test_unix_live_socket_is_refused();
    test_unix_stale_socket_is_taken_over();
    test_unix_strange_paths_are_refused();
    test_unix_other_users_socket_is_refused();
    test_unix_path_length();
    test_unix_abstract();
    test_unix_close_unlinks_only_its_own();
    test_unix_child_does_not_unlink(dir);
}

int main(void)
{
    return fixture_run(run_all);
}
