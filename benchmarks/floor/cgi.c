/* The floor under every CGI program: it prints a page that stands in it, and ends.
 *
 * What the CGI stub costs above this is the way to its daemon and back. Below /busy it is the page of a busy stub. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char PAGE[] = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";
static const char BUSY[] = "Status: 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n"
                           "Content-Length: 13\r\nCache-Control: no-store\r\nRetry-After: 10\r\n\r\n<p>Busy.</p>\n";

int main(void)
{
    const char *path = getenv("PATH_INFO");
    int is_busy = path && !strcmp(path, "/busy");
    const char *text = is_busy ? BUSY : PAGE;
    size_t n = is_busy ? sizeof BUSY - 1 : sizeof PAGE - 1;
    return write(STDOUT_FILENO, text, n) == (ssize_t)n ? 0 : 1;
}
