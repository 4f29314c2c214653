"""What to change for each fault, front end by front end, and what a front end cannot do.

A text stands for every protocol; a mapping names protocols, and `""` in it stands for the others. In the texts {p} is
the prefix of nginx's directives for the protocol, {base} the path of the URL, {peer} from where the front end calls.
Several lines have "   and " between them; behind three blanks stands where a line belongs, or a remark. A row for a
module (mod_jk, mod_fcgid) comes before that of its server.
Facts and limits come from captures of Apache 2.4.71, nginx 1.22 and 1.31, lighttpd 1.4.69, HAProxy 2.6 and Caddy 2.11,
and from their manuals.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.frontend.trial.front import Front

    Lines = Mapping[str, str | Mapping[str, str]]

PREFIXES = {"http": "proxy"}  # nginx calls it otherwise; the gateway protocols by their names
GATEWAYS = ("fastcgi", "scgi", "uwsgi", "ajp", "cgi")

NGINX_PATH = {
    "http": "proxy_pass http://ADDRESS;            (nothing behind the address, not even a slash)",
    "": "{p}_param REQUEST_URI $request_uri;",
}
APACHE_PATH = "ProxyPass {base}/ PROTOCOL://ADDRESS{base}/ nocanon   (the same path on both sides)"
JK_PATH = "JkOptions +ForwardURICompatUnparsed"
# Over the gateway protocols the path goes on raw in REQUEST_URI.
NOCANON = "   and ProxyPass ... nocanon"
SLASHES, ESCAPED = "MergeSlashes Off", "AllowEncodedSlashes NoDecode   in the virtual host"
LIGHTTPD_PATH = 'server.http-parseopts += ( "url-normalize" => "disable" )   outside of all conditions'
LIGHTTPD_RAW = (
    'url.rewrite = ( "" => "/${{esc:url.path}}${{qsa}}" )   in the condition with ajp13.server'
    "   and -b 'ajp://...?lighttpd=raw' for Polydoor"
)
LIGHTTPD_PATHS = {"ajp": f"{LIGHTTPD_PATH}   and {LIGHTTPD_RAW}", "": LIGHTTPD_PATH}
HAPROXY_PATH = "take out http-request set-path, replace-path and normalize-uri"
ONLY_TRUST = "-b 'http://...?trust-forwarded={peer}' for Polydoor; the front end tells the rest by itself"
TRUST = "   and -b 'http://...?trust-forwarded={peer}' for Polydoor"
TRUSTED_PROXIES = "take out trusted_proxies, or name in it only proxies of your own"
AJP_PACKET = "ProxyIOBufferSize 65536   and -b 'ajp://...?packet=65536' for Polydoor"
JK_WORKER = "   outside of <VirtualHost>"
JK_PACKET = (
    f"JkWorkerProperty worker.NAME.max_packet_size=65536{JK_WORKER}   and -b 'ajp://...?packet=65536' for Polydoor"
)

FCGID_BODY = "FcgidMaxRequestLen 1073741824"  # by itself it allows 128 KiB

CHANGES: dict[str, Lines] = {
    "mount-cut": {
        "nginx": NGINX_PATH,
        "apache": APACHE_PATH,
        "mod_jk": JK_PATH,
        "lighttpd": 'take out url.rewrite and "map-urlpath" for this path',
        "haproxy": HAPROXY_PATH,
        "caddy": "handle {base}/* {{ ... }}   in place of handle_path, and without uri strip_prefix",
        "": "The front end must pass the path on whole.",
    },
    "mount-unset": {
        "": "-b 'ADDRESS?mount={base}' for Polydoor; or test the URL at which the application really begins",
    },
    "mount-wrong": {"": "-b ADDRESS without mount=, for Polydoor; or test the URL with the mount"},
    "path-changed": {
        "nginx": NGINX_PATH,
        "apache": APACHE_PATH,
        "mod_jk": JK_PATH,
        "lighttpd": LIGHTTPD_PATHS,
        "haproxy": HAPROXY_PATH,
        "caddy": "take out uri and rewrite for this path",
    },
    "slashes-merged": {
        "nginx": NGINX_PATH,
        "apache": {"http": SLASHES + NOCANON, "ajp": SLASHES + NOCANON, "": SLASHES},
        "mod_jk": f"{SLASHES}   and {JK_PATH}",
        "lighttpd": LIGHTTPD_PATHS,
        "haproxy": HAPROXY_PATH,
        "caddy": "take out uri and rewrite for this path",
    },
    "escaped-slash": {
        "nginx": NGINX_PATH,
        "apache": {
            "http": ESCAPED + NOCANON,
            "ajp": ESCAPED + NOCANON,
            "uwsgi": "AllowEncodedSlashes On   in the virtual host",  # with NoDecode, its PATH_INFO fits no URL: 500
            "": ESCAPED,
        },
        "mod_jk": f"{ESCAPED}   and {JK_PATH}",
        "lighttpd": LIGHTTPD_PATHS,
        "haproxy": HAPROXY_PATH,
        "caddy": "take out uri and rewrite for this path",
    },
    "query-changed": {
        "nginx": {"http": NGINX_PATH["http"], "": "{p}_param QUERY_STRING $query_string;"},
        "": "The front end must pass the query on as it came.",
    },
    "host": {
        "nginx": {"http": "proxy_set_header Host $http_host;", "": "take out {p}_param HTTP_HOST"},
        "apache": "ProxyPreserveHost On",
        "haproxy": "take out http-request set-header Host",
        "caddy": "take out header_up Host",
        "lighttpd": 'take out "map-host-request" and https-remap of proxy.header',
        "": "The front end must pass Host on as the client sent it.",
    },
    "address": {
        "nginx": {
            "http": f"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;{TRUST}",
            "": "{p}_param REMOTE_ADDR $remote_addr;",
        },
        "apache": {"http": f"ProxyAddHeaders On{TRUST}"},
        "lighttpd": {"http": ONLY_TRUST},
        "haproxy": {"http": f"option forwardfor{TRUST}"},
        "caddy": {"http": ONLY_TRUST},
        "": {
            "http": f"The front end must send X-Forwarded-For{TRUST}",
            "": "The front end must send REMOTE_ADDR.",
        },
    },
    "scheme": {
        "nginx": {
            "http": f"proxy_set_header X-Forwarded-Proto $scheme;{TRUST}",
            "": "{p}_param HTTPS $https if_not_empty;   and {p}_param REQUEST_SCHEME $scheme;",
        },
        "apache": {"http": f"RequestHeader set X-Forwarded-Proto expr=%{{{{REQUEST_SCHEME}}}}{TRUST}"},
        "lighttpd": {"http": ONLY_TRUST},
        "caddy": {"http": ONLY_TRUST},
        "haproxy": {
            "http": f"http-request set-header X-Forwarded-Proto https if {{{{ ssl_fc }}}}{TRUST}",
            "fastcgi": "set-param HTTPS on if {{ ssl_fc }}   in the section fcgi-app",
        },
        "": {
            "http": f"The front end must send X-Forwarded-Proto{TRUST}",
            "": "The front end must send HTTPS=on for TLS, and nothing otherwise.",
        },
    },
    "cookies": {
        "apache": {
            **dict.fromkeys(("http", "cgi"), 'RequestHeader edit* Cookie ", " "; "'),
            "": "-b '...?profile=apache' for Polydoor, which mends what Apache joins with a comma",
        },
        "caddy": "-b '...?profile=caddy' for Polydoor, which mends what Caddy joins with a comma",
        "": "The front end must pass the lines on, or join them with a semicolon.",
    },
    "authorization": {
        "nginx": {"http": "take out proxy_set_header Authorization", "": "take out {p}_param HTTP_AUTHORIZATION"},
        "apache": {
            **dict.fromkeys(("http", "ajp", "uwsgi"), "take out RequestHeader unset Authorization"),
            "": "CGIPassAuth On   in <Location {base}/>",
        },
        "haproxy": {"fastcgi": "pass-header authorization   in the section fcgi-app"},
        "": "The front end must pass the header on.",
    },
    "underscore": {
        "nginx": "underscores_in_headers off;",
        "apache": "RequestHeader unset X_Foo   for each name that counts",
        "": "The front end must drop header names with an underscore.",
    },
    "proxy-header": {
        "nginx": '{p}_param HTTP_PROXY "";',
        "apache": "RequestHeader unset Proxy early",
        "": "The front end must drop the header Proxy (httpoxy).",
    },
    "forged-address": {
        "nginx": {
            "http": "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            "": "{p}_param REMOTE_ADDR $remote_addr;",
        },
        "apache": "take out RemoteIPHeader, or name in RemoteIPTrustedProxy only proxies of your own",
        "haproxy": "http-request del-header X-Forwarded-For   before option forwardfor",
        "caddy": TRUSTED_PROXIES,
        "": "Believe forwarded addresses only from proxies of your own.",
    },
    "forged-scheme": {
        "nginx": {"http": "proxy_set_header X-Forwarded-Proto $scheme;", "": "{p}_param REQUEST_SCHEME $scheme;"},
        "apache": "RequestHeader set X-Forwarded-Proto expr=%{{REQUEST_SCHEME}}",
        "haproxy": "http-request set-header X-Forwarded-Proto http   (https where ssl_fc)",
        "caddy": TRUSTED_PROXIES,
        "": "The front end must set the scheme itself.",
    },
    "forged-port": {
        "nginx": {"http": 'proxy_set_header X-Forwarded-Port "";', "": "{p}_param SERVER_PORT $server_port;"},
        "apache": "RequestHeader unset X-Forwarded-Port",
        "lighttpd": 'setenv.set-request-header = ( "X-Forwarded-Port" => "" )',
        "haproxy": "http-request del-header X-Forwarded-Port",
        "caddy": "header_up -X-Forwarded-Port   in reverse_proxy",
        "": "-b ADDRESS without port in forwarded=, for Polydoor, or a front end that sets X-Forwarded-Port itself",
    },
    "forged-user": {
        "": "-b ADDRESS without trust-remote-user=1, for Polydoor, unless the front end checks every password",
    },
    "two-lengths": {"": "Update the front end: it lets requests be smuggled (RFC 9112, section 6.3)."},
    "body-limit": {
        "nginx": "client_max_body_size 1g;",
        "apache": "LimitRequestBody 0",
        "mod_fcgid": f"LimitRequestBody 0   and {FCGID_BODY}",
        "lighttpd": "server.max-request-size = 0",
        "caddy": "max_size 1GB   in request_body",
        "": "Raise the front end's limit of request bodies.",
    },
    "upload": {"mod_fcgid": FCGID_BODY, "": "The error log of the front end tells more."},
    "body-changed": {
        "nginx": {"scgi": "scgi_request_buffering on;", "": "{p}_param CONTENT_LENGTH $content_length;"},
        "": "The front end must pass the body on whole.",
    },
    "chunked": {
        "nginx": {"http": "proxy_request_buffering on;", "": "{p}_request_buffering on;"},
        "apache": {"fastcgi": "SetEnv proxy-sendcl 1"},
        "mod_fcgid": FCGID_BODY,
        "lighttpd": "server.stream-request-body = 0",
        "": "The front end must take requests with Transfer-Encoding: chunked.",
    },
    "expect": {"": "The front end must answer Expect: 100-continue, or pass it on."},
    "early-answer": {
        "nginx": {"http": "proxy_request_buffering on;", "": "{p}_request_buffering on;"},
        "mod_fcgid": FCGID_BODY,
        "lighttpd": "server.stream-request-body = 0",
        "": "Let the front end collect request bodies before it passes them on.",
    },
    "large-request": {
        "nginx": "large_client_header_buffers 4 16k;",
        "apache": {"ajp": f"LimitRequestFieldSize 16380   and {AJP_PACKET}", "": "LimitRequestFieldSize 16380"},
        "mod_jk": f"LimitRequestFieldSize 16380   and {JK_PACKET}",
        "lighttpd": "server.max-request-field-size = 32768",
        "haproxy": "tune.bufsize 32768   in the section global",
        "": "Raise the front end's limit of request headers.",
    },
    "large-response": {
        "nginx": "{p}_buffer_size 32k;   and {p}_buffers 8 32k;",
        "apache": {"ajp": AJP_PACKET, "http": "ProxyPass ... responsefieldsize=16384"},
        "mod_jk": JK_PACKET,
        "haproxy": "tune.bufsize 32768   in the section global",
        "": "Raise the front end's limit of response headers.",
    },
    "stray-body": {"": "Update the front end: bytes between two responses are taken for the next one."},
    "status": {
        "nginx": "take out {p}_intercept_errors and error_page for this status",
        "apache": "ProxyErrorOverride Off",
        "": "The front end must pass the status on.",
    },
    "redirect": {
        "nginx": {"http": "proxy_redirect off;", "": "take out {p}_intercept_errors and error_page 302"},
        "apache": {"scgi": "ProxySCGIInternalRedirect Off", "": "ProxyPassReverse {base}/ PROTOCOL://ADDRESS{base}/"},
        "": "The front end must pass redirects on.",
    },
    "delayed": {
        "nginx": "{p}_buffering off;",
        "apache": "ProxyPass ... flushpackets=on",
        "mod_jk": "JkOptions +FlushPackets +FlushHeader",
        "mod_fcgid": "FcgidOutputBufferSize 0",
        "lighttpd": "server.stream-response-body = 2",
        "haproxy": "take out option http-buffer-request and filter compression",
        "caddy": "flush_interval 10ms   in reverse_proxy",  # with -1, it no longer tells when a client has left
        "": "Let the front end pass responses on as they come.",
    },
    "break-with-length": {
        # Else it asks a second time and puts that answer behind the part of the first.
        "mod_jk": f"JkWorkerProperty worker.NAME.recovery_options=3{JK_WORKER}",
        "apache": {"cgi": "SetEnv ap_trust_cgilike_cl 1"},
        "": "Update the front end: the length of the response is announced, and it is shorter.",
    },
    "break-without-length": {
        "nginx": {"fastcgi": "fastcgi_keep_conn on;   and fastcgi_buffering on;", "http": "proxy_http_version 1.1;"},
        "lighttpd": "server.stream-response-body = 2",
        "": "Let responses have a Content-Length, or let Polydoor listen on a port in place of a Unix socket.",
    },
    "closed": {
        "nginx": "keepalive_timeout 75s;",
        "apache": "KeepAlive On",
        "lighttpd": "server.max-keep-alive-idle = 60   and server.max-keep-alive-requests = 1000",
        "haproxy": "take out option httpclose and forceclose",
        "caddy": "take out keepalive_interval and idle of the servers block",
        "": "Let the front end keep the connections of clients open.",
    },
}
ELSE = "The manual and the error log of the front end tell more."


class Limit:
    """What a front end cannot do, by whichever configuration."""

    __slots__ = ("because", "fault", "front_end", "only_local", "protocols")

    def __init__(
        self, front_end: str, fault: str, protocols: tuple[str, ...], because: str, *, only_local: bool = False
    ) -> None:
        self.front_end = front_end
        self.fault = fault
        self.protocols = protocols
        self.because = because
        self.only_local = only_local  # only where Polydoor is reached through a Unix socket

    def fits(self, front: Front, fault: str) -> bool:
        """Whether this is why something does not come through."""
        return (
            self.fault == fault
            and self.front_end in (front.module, front.name)
            and front.protocol in self.protocols
            and (front.is_local_socket or not self.only_local)
        )


UNIX_RESET = "without a length only the reset of a connection tells, and a Unix socket cannot be reset"
CGI_END = "without a length the end of a CGI program's output is the end of the response"
JK_PAGE = "mod_jk puts an error page behind the part, as if it were the rest; mod_proxy_ajp does not"
FCGID_PAGE = "mod_fcgid puts an error page behind the part, as if it were the rest; mod_proxy_fcgi does not"
NO_UTF8 = "lighttpd answers 404 to a path to a CGI program with bytes that are no UTF-8"
LIMITS = (
    Limit("apache", "break-without-length", ("cgi",), CGI_END),
    Limit("lighttpd", "break-without-length", ("cgi",), CGI_END),
    Limit("mod_jk", "break-without-length", ("ajp",), JK_PAGE),
    Limit("mod_fcgid", "break-without-length", ("fastcgi",), FCGID_PAGE),
    Limit("lighttpd", "path-changed", ("cgi",), NO_UTF8),
    Limit("lighttpd", "slashes-merged", ("ajp",), "over AJP13 lighttpd makes one slash of two"),
    Limit("apache", "chunked", ("cgi",), "a CGI program cannot see the end of a request without a length (411)"),
    Limit("apache", "chunked", ("scgi", "uwsgi"), "over {title} Apache takes no request without a length (411)"),
    Limit("apache", "break-without-length", ("scgi", "uwsgi"), UNIX_RESET, only_local=True),
    Limit(
        "haproxy", "chunked", ("fastcgi",), "over FastCGI HAProxy 2.6 takes no larger request without a length (400)"
    ),
    Limit("nginx", "break-without-length", ("scgi", "uwsgi"), UNIX_RESET, only_local=True),
    Limit(
        "lighttpd",
        "underscore",
        GATEWAYS,
        "lighttpd before 1.4.83 makes X_Foo the same variable as X-Foo; do not rely on such headers",
    ),
    Limit("lighttpd", "break-without-length", ("http", *GATEWAYS), UNIX_RESET, only_local=True),
    Limit("caddy", "chunked", ("fastcgi",), "over FastCGI Caddy takes no larger request without a length (411)"),
    Limit("caddy", "break-without-length", ("fastcgi",), UNIX_RESET, only_local=True),
)


def limit(front: Front, fault: str) -> str:
    """Why the front end cannot do it; empty where it can."""
    from polydoor.frontend.trial.front import PROTOCOLS

    because = next((row.because for row in LIMITS if row.fits(front, fault)), "")
    return because.format(title=PROTOCOLS.get(front.protocol, ""))


def change(front: Front, fault: str) -> str:
    """The line to change."""
    rows = CHANGES.get(fault, {})
    keys = (front.module, front.name, "")
    text = next(filter(None, (_choose(rows.get(key), front.protocol) for key in keys)), ELSE)
    return text.format(p=PREFIXES.get(front.protocol, front.protocol), base=front.target.base, peer=front.peer)


def _choose(found: str | Mapping[str, str] | None, protocol: str) -> str:
    if found is None or isinstance(found, str):
        return found or ""
    return found.get(protocol) or found.get("", "")
