"""Fuzz seeds that no corpus document gives: heads for the policy layer, responses of applications.

A bar stands for NUL, which ends each string of such an input.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FORM_CGI, CHUNKED, HTTP10, AUTHORIZER, PROCESS, FORM_AJP = 1, 2, 4, 8, 16, 32

# Knob bytes of sites: mount, trust and profile (fuzz.c): each profile once, with and without the others.
SITES = (0b00000, 0b00001, 0b00010, 0b00111, 0b01000, 0b01100, 0b01101, 0b10000, 0b10100, 0b10111)

HTTP_HEADS = (
    "GET|/|Host|a",
    "OPTIONS|*|Host|a",
    "GET|*|Host|a",
    "GET|http://b|Host|a",
    "GET|HTTPS://b:81/c?d|Host|a",
    "GET|http:/x|Host|a",
    "GET|http:///x|Host|a",
    "GET|ftp://b/|Host|a",
    "GET|a/b|Host|a",
    "GET|b:80|Host|a",
    "CONNECT|/|Host|a",
    "HEAD|/shop/a%2Fb%c3%A9%zz%4|Host|a",
    "GET|/shop|Host|a",
    "GET|/shopping|Host|a",
    "GET|/%00|Host|a",
    "GET|/?a=b&c=%00|Host|a",
    "GET|/a//b/../c;d?e?f|Host|[::1]:80",
    "POST|/|Host|a|Content-Length|5|Content-Type|text/plain",
    "POST|/|Content-Length|5|Content-Length|5",
    "POST|/|Content-Length|x",
    "POST|/|Content-Type|a|Content-Type|b",
    "GET|/|Host|a|Host|b",
    "GET|/|Cookie|a=b|cookie|c=d|Accept|x|ACCEPT|y|X-Own|1|x-own|2|X-OWN|",
    "GET|/|X_Y|z|X.Y|z|X-Y|z|Proxy|p|Transfer-Encoding|chunked|Te|t|Expect|100-continue",
    "GET|/|X-A| \t v \t|X-B| |X-C|",
    "GET|/|A|1|Te|2|Vib|3|Hosu|4|" + 40 * "N" + "|5|X-Forwarded-Prota|6|User-Agent|7|Accept-Encodinh|8",
    "GET|/|HosT|a|dATE|b|RangE|c|accept-language|d|Accept_Language|e|ACCEPT-LANGUAGF|f|REFERER|g",
    "GET||Host|a",
    "GET|/a%|Host|a",
    "GET|/a%0|Host|a",
    "GET|/a%g0|Host|a",
    "GET|/a%0g|Host|a",
    "GET|/long/target/beyond/the/small/limit|Host|a",
    "GET|/|A|1|B|2|C|3|D|4|E|5|F|6|G|7|H|8|I|9|J|0|K|1|L|2|M|3|N|4|O|5|P|6|Q|7|R|8|S|9|T|0",
)

# Behind REQUEST_METHOD and REQUEST_URI.
VARIABLES = (
    "",
    "HTTPS|on",
    "HTTPS|ON",
    "HTTPS|1",
    "HTTPS|off|REQUEST_SCHEME|https",
    "HTTPS||REQUEST_SCHEME|https",
    "HTTPS|maybe|REQUEST_SCHEME|https",
    "REQUEST_SCHEME|https",
    "SERVER_NAME|[::1]:80|SERVER_PORT|443",
    "SERVER_NAME|[::1",
    "SERVER_NAME|a:80|SERVER_PORT|a",
    "SERVER_NAME|::1|SERVER_PORT|123456",
    "SERVER_NAME|:80|SERVER_PORT|",
    "SERVER_PROTOCOL|HTTP/1.0|GATEWAY_INTERFACE|CGI/1.1|SERVER_SOFTWARE|x",
    "REMOTE_ADDR|192.0.2.9|REMOTE_PORT|1|REMOTE_HOST|192.0.2.9",
    "REMOTE_ADDR|192.0.2.9|REMOTE_HOST|h.test",
    "REMOTE_USER|bob|AUTH_TYPE|Basic|REMOTE_IDENT|x|AUTH_X|y|REMOTE_EMPTY|",
    "REMOTE_USER|bob|REMOTE_USER|eve",
    "CONTENT_LENGTH|5|CONTENT_TYPE|a/b",
    "CONTENT_LENGTH||HTTP_TRANSFER_ENCODING|chunked",
    "CONTENT_LENGTH|5|HTTP_TRANSFER_ENCODING|Chunked|HTTP_CONTENT_LENGTH|5",
    "CONTENT_LENGTH|+5",
    "CONTENT_LENGTH|5|CONTENT_LENGTH|5",
    "CONTENT_LENGTH|0|SCGI|1",
    "CONTENT_LENGTH|0|SCGI|1|HTTP_CONTENT_LENGTH|0",
    "CONTENT_LENGTH|5|SCGI|1",
    "QUERY_STRING|x=y",
    "QUERY_STRING|a\nb",
    "SCRIPT_NAME|/shop|PATH_INFO|/a",
    "SCRIPT_NAME|/a|PATH_INFO|/b",
    "SCRIPT_NAME|/a/|PATH_INFO|b",
    "SCRIPT_NAME|/a|PATH_INFO|b",
    "SCRIPT_NAME|a|PATH_INFO|/b",
    "SCRIPT_NAME|/|PATH_INFO|",
    "SCRIPT_NAME||PATH_INFO|b",
    "PATH_INFO|/a\n",
    "HTTP_HOST|a|HTTP_HOST|b",
    "HTTP_HOST|a b",
    "HTTP_HOST|",
    "HTTP_HOST| [::1]:8080 ",
    "HTTP_HOST|1.2.3.4:65535",
    "HTTP_HOST|1.2.3.04",
    "HTTP_HOST|a:65536",
    "HTTP_HOST|1.2.3",
    "HTTP_HOST|1.2.3.4.5",
    "HTTP_HOST|01.2.3.4",
    "HTTP_HOST|256.1.1.1",
    "HTTP_HOST|1.2.3.4a",
    "HTTP_HOST|1..2.3",
    "HTTP_HOST|a%2",
    "HTTP_HOST|a%2g",
    "HTTP_HOST|a%g2",
    "HTTP_HOST|[1::2:3:4:5:6:7:8]",
    "HTTP_HOST|[1:2:3:4:5:6:7:8:9]",
    "HTTP_HOST|[1:2:3:4:5:6:7:8:]",
    "HTTP_HOST|[1:2:3:4:5:6:7:1.2.3.4]",
    "HTTP_HOST|[::1.2.3]",
    "HTTP_HOST|[::1.2.3.4",
    "HTTP_HOST|[12345::]",
    "HTTP_HOST|[::]x",
    "HTTP_HOST|[::]:",
    "HTTP_HOST|[1:2:3:4:5:6:7:8]",
    "HTTP_HOST|[1::8]",
    "HTTP_HOST|[1:2:3:4:5:6:1.2.3.4]",
    "HTTP_HOST|[::ffff:1.2.3.256]",
    "HTTP_HOST|[1:::2]",
    "HTTP_HOST|[1:2]",
    "HTTP_HOST|[:1]",
    "HTTP_HOST|[1:]",
    "HTTP_HOST|[]",
    "HTTP_HOST|a%2eb",
    "HTTP_HOST|a%zz",
    "HTTP_COOKIE|a=b, c=d, e, f=g,h=i|HTTP_COOKIE|j=k|HTTP_ACCEPT|a|HTTP_ACCEPT|b",
    "HTTP_COOKIE|, a, =b, c|HTTP_X|1|HTTP_X|2|HTTP_|x|HTTP_a|y|HTTP_X-Y|z",
    "HTTP_X_Y|a\rb",
    "HTTP_USER_AGENT|a\nb",
    "HTTP_PROXY|x|HTTP_CONTENT_TYPE|y",
    "SSL_CLIENT_CERT|-----\nabc\n-----|SSL_X|a\rb|OWN|1|OWN|2|EMPTY|",
    "OWN|a\nb",
    "OWN|a b c d e f g h\ti",
    "UWSGI_FILE|/etc/passwd|LD_PRELOAD|x|PYTHONPATH|y|PATH|z|HOME|h|SCGI|1|PHP_VALUE|v|POLYDOOR_X|w",
    "_X|1|0X|2|a|3|proxy-fcgi-pathinfo|1|wsgi.input|x",
    "A B|1",
    "A\x7f|1",
    "|x",
    "SERVER_NAME|a\nb",
    "SCRIPT_FILENAME|/x|DOCUMENT_ROOT|/y|DOCUMENT_URI|/z|PATH_TRANSLATED|/t|SERVER_ADDR|::1",
)

STARTS = (
    "REQUEST_METHOD|POST|REQUEST_URI|/a/b?c|",
    "REQUEST_METHOD|GET|",
    "REQUEST_METHOD|OPTIONS|REQUEST_URI|*|",
    "REQUEST_METHOD|HEAD|REQUEST_URI|http://a/shop/b#f|",
)
ODD_STARTS = (
    "",
    "REQUEST_METHOD||",
    "REQUEST_METHOD|G T|",
    "REQUEST_METHOD|" + 33 * "A" + "|",
    "REQUEST_METHOD|CONNECT|",
    "REQUEST_METHOD|GET|REQUEST_METHOD|GET|",
    "REQUEST_METHOD|GET|REQUEST_URI|/a b|",
    "REQUEST_METHOD|GET|REQUEST_URI|a|",
    "REQUEST_METHOD|GET|REQUEST_URI|*|",
    "REQUEST_METHOD|GET|REQUEST_URI|*?a|",
    "REQUEST_METHOD|GET|REQUEST_URI|/%00|",
    "REQUEST_METHOD|GET|REQUEST_URI|/\x7f|",
    "REQUEST_METHOD|GET|REQUEST_URI||",
    "REQUEST_METHOD|TRACE|REQUEST_URI|/|SCGI|1|CONTENT_LENGTH|0|",
    "REQUEST_METHOD|PUT|REQUEST_URI|/|SCGI|1|CONTENT_LENGTH|0|",
)

RESPONSES = (
    "200 OK|Content-Type|text/plain|Content-Length|5||hello",
    "200 OK|Content-Type|text/plain||a body of unknown length",
    "200 OK|Content-Type|text/plain||",
    "204 No Content|X-Y|z|Content-Length|0||",
    "205 Reset Content|Content-Length|0|A|b||",
    "205 |Content-Lengthy|0|Content-Length|0||x",
    "304 Not Modified|ETag|x||ignored",
    "500 |Set-Cookie|a=b|Set-Cookie|c=d|Date|today|Server|mine||oops",
    "200 OK|Connection|close|Transfer-Encoding|chunked|Status|404|Bad Name|x|X|a\r\nY: b||x",
    "200 OK|Content-Length|5|Content-Length|6||hello!",
    "200 OK|Content-Length|+5|Content-Length|99999999999999999999||hello!",
    "200 OK|X|\t|Y|\x7f|Z|\x80|" + 65 * "N|v|" + "|x",
    "100 Continue||",
    "600 Six||",
    "2000 OK||",
    "200||",
    "200 O\tK||",
    "200 O\nK||",
    "2x0 OK||",
    "299 " + 4000 * "x" + "|X|" + 100 * "y" + "||z",
    "299 " + 4093 * "x" + "||z",
    "204 No Content|Content-Length|x||",
    "200 OK|X-Sendfile|/etc/passwd|X-Accel-Redirect|/files/a||x",
    "200 OK|X|" + 4090 * "y" + "||z",
    "200 OK|Content-Length|5|X|y||/file",
    "200 OK|Content-Range|bytes 0-4/9||/file",
    "200 OK|Content-Encoding|gzip||/file",
    "206 Partial Content|Content-Range|bytes 0-4/9||/file",
)


_SEVEN = "|".join(f"X-{n}|{n}" for n in range(7))
# Method, target, fields, an empty name and the body; a bar stands for RS.
ASKED = (
    "GET|/||",
    "POST|/a?b|Content-Type|text/plain||hello",
    "POST|/a?b|CONTENT_LENGTH|9|SCGI|2|HTTP_X|y||hello",
    "HEAD|/|CONTENT_LENGTH|0|Transfer-Encoding|chunked||",
    "PUT|/|Content-Length|5||hello",
    "GET|/|A B|c||",
    "GET|/|A|c\r\nd: e||",
    "GET|/|A=B|c||",
    "GET|/|A\0B|c||",
    "GET|/|A|b\0c||",
    "G T|/||",
    "|/||",
    "GET|||",
    "GET|/ /||",
    "GET|/|HTTP_X|" + 127 * "x" + "|HTTP_Y|" + 128 * "y" + "|" + 200 * "N" + "|z||body",
    "GET|/|Host|a|User-Agent|b|X-Own|c|SERVER_NAME|a|SERVER_PORT|80|REMOTE_ADDR|::1|A|b|C|d|E|f||",
    "PATCH|/?q|Host|a|A|b|C|d|REMOTE_PORT|99x|secret|s|HTTPS|on|A|b|C|d|E|f||hello",
    f"PUT|/?|{_SEVEN}|REMOTE_USER|u|REMOTE_USER|v|AUTH_TYPE|w|SSL_CLIENT_CERT|x|SSL_CIPHER|y|SSL_SESSION_ID|z"
    f"|REMOTE_HOST|h|{_SEVEN}||hello",
    "POST|/|content-length|1|B|2|C|3||",
    "POST|/|transfer-encoding|1|B|2|C|3||",
    "POST|/|A B|1|B|2|C|3||",
    "POST|/|A|1\n|B|2|C|3||",
    "POST|/|A|" + 9000 * "a" + "|B|2|C|3||",
    "GET|/|HTTP_X|" + 40000 * "x" + "|HTTP_Y|" + 40000 * "y" + "||body",
    "GET|/|HTTP_X|y|HTTP_Z|" + 70000 * "z" + "|HTTP_A|b||" + 300 * "body",
)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1").replace(b"|", b"\0")


def requests() -> Iterator[bytes]:
    """Inputs of fuzz_request."""
    for site in SITES:
        for head in HTTP_HEADS:
            yield bytes([0, site, 0, 0]) + _bytes(head)
        for variables in VARIABLES:
            for start in STARTS:
                yield bytes([0, site, FORM_CGI, 0]) + _bytes(start + variables)
        for start in ODD_STARTS:
            yield bytes([0, site, FORM_CGI, 0]) + _bytes(start)
    for flags in (FORM_CGI | CHUNKED, FORM_CGI | AUTHORIZER, FORM_CGI | AUTHORIZER | CHUNKED, FORM_CGI | PROCESS):
        for variables in VARIABLES:
            yield bytes([3, 1, flags, 0]) + _bytes(STARTS[0] + variables)
    for head in HTTP_HEADS:
        yield bytes([3, 0, HTTP10, 0]) + _bytes(head)


def asked() -> Iterator[bytes]:
    """Inputs of fuzz_ask: each request through each protocol, with and without chunks and kept connections."""
    for text in ASKED:
        for protocol in range(5):
            for flags in (*range(8), 9, 14, 17):
                yield bytes([protocol, flags, 255 * (flags % 2), 0]) + text.replace("|", "\x1e").encode("latin-1")


def responses() -> Iterator[bytes]:
    """Inputs of fuzz_response: each answer through each codec, with knobs that differ from one to the next."""
    for number, response in enumerate(RESPONSES):
        for codec in range(5):
            for knob in range(number % 4, 256, 4):
                date = (1 + number) * (1 + knob) * 2503 % 65536
                options = codec + (0, 66, 96, 18, 129, 9)[knob % 6]
                yield bytes([options, knob, *date.to_bytes(2, "big")]) + _bytes(response)
    for low in range(0, 256, 6):
        yield bytes([0, 12, 255, 7 + low % 249]) + _bytes(RESPONSES[low % 5])


def wide_responses() -> Iterator[bytes]:
    """Inputs of fuzz_ajp_response: a head too large for a packet, not for a larger one, and for the buffer."""
    for knob in (0x01, 0x41, 0x81):
        yield bytes([knob, 0, 0, 0]) + _bytes(f"200 OK|X|{'v' * 9000}||body")


CONFIGURATIONS = (
    'app = "shop:app"\npython = "/usr/bin/python3"\ndirectory = "/srv/shop"\n',
    '# all of them\r\n  app="a" # b\r\nstate = "/s"\nsocket = "/s/k"\nlog = "/l"\nlog-size = 4096\nbusy-page = "/b"\n',
    'options = ["-t", "2",]\nenvironment = [ "A=b", "LONG_1=\\"q\\" \\\\" ]\noptions = []\n',
    "idle-timeout = 0\nstart-timeout = 600\npatience = 3600\nbacklog = 1\nexec-below = 30\nretry-after = 0",
    'error-page = "/\u00e4\u20ac\U0001d11e"\n',
    "patience = 0\n",
    "patience = 01\n",
    "patience = 99999999999999999999\n",
    'app = ""\n',
    "app = 'x'\n",
    'app = """x"""\n',
    'app = "x" y\n',
    'app = "a\\n"\n',
    'app = "a',
    "app\n= 1",
    "patiens = 1\n",
    'environment = ["1A=b"]\n',
    'options = ["a"\n"b"]\n',
    'options = ["a" "b"]\n',
    "options = [" + 65 * '"a",' + "]\n",
    'state = "relative"\n',
    'state = "/' + 1100 * "x" + '"\n',
    "[table]\n",
    "a.b = 1\n",
    "\x00",
    "\udc80\n",
    'app = "\x7f"\n',
    "POLYDOOR_CGI_PATIENCE=7",
    "POLYDOOR_CGI_OPTIONS=7",
    "POLYDOOR_CGI_" + 60 * "X" + "=7",
)


def configurations() -> Iterator[bytes]:
    """Inputs of fuzz_stub.c: configurations, and records of a lock file."""
    for text in CONFIGURATIONS:
        yield b"\0\0\0\0" + text.encode(errors="surrogateescape")
    for now in (b"\1\0", b"\1\x1f"):
        for pid, ready in ((0, 0), (7, 1), (7, 0), (-7, 9)):
            yield b"\1" + now + b"\0" + struct.pack("=8sqQQIiII", b"pdgate1\0", 1, 2, 3, 9, pid, ready, 0)
        yield b"\1" + now + b"\0short"
