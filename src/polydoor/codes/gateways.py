"""What to say about what front ends send, as engine.py says the rest: gateway protocols, PROXY headers, detection.

Numbers and titles stand in core/codec/reason.h. No serving process imports this.
"""

# --- CGI variables, FastCGI, AJP13, SCGI, uwsgi ---------------------------------------------------------------------

BAD_VARIABLE_NAME = """The front end sent a variable without a name, or with a byte in it that may not stand there.
-> Correct the front end's configuration."""

BAD_VARIABLE_VALUE = """The front end sent a variable whose value holds a NUL or a line end.
-> Correct the front end's configuration."""

DUPLICATE_VARIABLE = """The front end sent a variable twice that may stand once.
-> Remove one of the lines that set it, such as a second include of fastcgi_params."""

MISSING_METHOD = """The front end sent no REQUEST_METHOD.
-> Include the front end's usual list of variables (nginx: fastcgi_params, scgi_params or uwsgi_params)."""

BAD_PATH = """The path that the front end sent does not begin with a slash.
-> Correct how the front end sets REQUEST_URI, SCRIPT_NAME or PATH_INFO."""

FCGI_BAD_VERSION = """What came in is not FastCGI.
-> Check that the front end speaks FastCGI to this address (nginx: fastcgi_pass)."""

FCGI_BAD_RECORD = """The front end broke the FastCGI protocol.
-> Check that the front end speaks FastCGI to this address; report it to the front end's makers."""

FCGI_BAD_PAIR = """The list of variables ends in the middle of one.
-> Report it to the front end's makers."""

FCGI_ID_IN_USE = """The front end began a request under a number that another open request has.
-> Report it to the front end's makers."""

FCGI_EARLY_STDIN = """The front end sent the body before it had sent all variables.
-> Report it to the front end's makers."""

FCGI_FLOOD = """The peer sends questions that must be answered, and takes none of the answers.
-> Nothing; it is mostly an attack. See that only the front end can connect."""

GATEWAY_UNPROTECTED = """AJP13 believes its peer, which may claim to be any user. On an address of the network \
Polydoor serves it only to a web server that knows a secret.
-> Add secret=file:PATH or secret=env:NAME to the address, and the same secret to the web server; or listen on \
127.0.0.1 or a Unix socket."""

AJP_BAD_MAGIC = """What came in is not AJP13.
-> Check that the front end speaks AJP13 to this address (Apache: ProxyPass ajp://)."""

AJP_BAD_PACKET = """The front end sent something else where a request should begin, and the connection was closed. A \
body that is taken for a request is an attack (CVE-2022-26377).
-> Update the web server; see that nobody else can connect."""

AJP_SHUTDOWN = """Somebody asked by AJP13 that the server stop. That is never done.
-> Stop Polydoor by a signal; see that only the front end can connect."""

AJP_PACKET_TOO_LARGE = """The request head needs a larger packet than this address takes.
-> Give both ends the same size: packet=65536 here, ProxyIOBufferSize (mod_proxy_ajp) or max_packet_size (mod_jk)."""

AJP_BAD_STRING = """The front end broke the AJP13 protocol.
-> For lighttpd add lighttpd=1 to the address; else report it to the front end's makers."""

AJP_BAD_CODE = """The front end used a code that the AJP13 protocol does not have.
-> Report it to the front end's makers."""

AJP_BAD_ATTRIBUTE = """The front end used a code that the AJP13 protocol does not have, so the rest cannot be read.
-> For lighttpd add lighttpd=1 to the address; else report it to the front end's makers."""

AJP_NOT_AUTHENTIC = """The web server did not send the secret that this address asks for, or another one.
-> Give both the same: secret= in Apache's ProxyPass, worker.NAME.secret of mod_jk, AJP13_SECRET of lighttpd."""

AJP_BAD_DATA = """A piece of the body is longer than it may be, or its two lengths disagree.
-> For lighttpd add lighttpd=1 to the address; else report it to the front end's makers."""

SCGI_BAD_LENGTH = """What came in is not SCGI.
-> Check that the front end speaks SCGI to this address (nginx: scgi_pass)."""

SCGI_TOO_LARGE = """The variables together are larger than --head-limit, or what came in is not SCGI.
-> Raise --head-limit, or check that the front end speaks SCGI to this address."""

SCGI_NO_COMMA = """The front end broke the SCGI protocol.
-> Check that the front end speaks SCGI to this address."""

SCGI_BAD_PAIRS = """The front end broke the SCGI protocol.
-> Report it to the front end's makers."""

SCGI_LENGTH_NOT_FIRST = """SCGI requires CONTENT_LENGTH to come first.
-> Include the front end's usual list of variables (nginx: scgi_params)."""

SCGI_NO_VERSION = """SCGI requires the variable SCGI with the value 1.
-> Include the front end's usual list of variables (nginx: scgi_params)."""

UWSGI_BAD_MODIFIER = """What came in is not a uwsgi request of the kind that front ends send (modifier1 0, or 30 in \
old configurations). Polydoor runs no code, loads no file and obeys no command that a uwsgi packet asks for.
-> Check that the front end speaks uwsgi to this address and sets no modifiers (nginx: uwsgi_pass, uwsgi_modifier1)."""

UWSGI_BAD_PAIRS = """The block of variables ends in the middle of one. nginx before 1.31.5 does this to a name in its \
configuration that has 256 bytes or more.
-> Shorten such a name, or report it to the front end's makers."""

UWSGI_NO_LENGTH = """The client sent a body without its length, and uwsgi cannot carry one.
-> Let the front end collect the body first (nginx: leave uwsgi_request_buffering on)."""

CGI_NO_LENGTH = """The client sends its body in chunks, and the web server passes it on without CONTENT_LENGTH. As \
CGI the end of such a body cannot be told from an upload that broke off.
-> Let the web server collect the body first, or let it speak another protocol to Polydoor."""

# --- the PROXY protocol -----------------------------------------------------------------------------------------------

PROXY_NOT_LISTED = """Who sends a PROXY header says who its client is. Only the peers that allow names are believed, \
and without allow those on this machine; the others are closed at once.
-> Add allow=ADDRESS of the proxy to the listener's address, or find out who connects there."""

PROXY_MISSING = """This listener was told that each connection begins with a PROXY header, and this one does not.
-> Switch it on in the proxy (HAProxy: send-proxy-v2; nginx: proxy_protocol on), or remove proxy-protocol from the \
listener's address."""

PROXY_BAD_LINE = """The line of the PROXY protocol, version 1, is not of its form.
-> Report it to the proxy's makers."""

PROXY_BAD_HEADER = """The header of the PROXY protocol, version 2, is not of its form.
-> Report it to the proxy's makers."""

PROXY_TOO_LARGE = """The proxy sends more about the connection than is wanted, such as the client's certificate.
-> Let it send less (HAProxy: without proxy-v2-options)."""

PROXY_BAD_CHECKSUM = """The PROXY header was changed on its way, or the proxy computes its checksum wrongly.
-> Look for what stands between the proxy and this server."""

# --- listeners that find the protocol out -----------------------------------------------------------------------------

UNKNOWN_PROTOCOL = """What came in is none of HTTP, FastCGI, SCGI, AJP13 and uwsgi. Often it is TLS, which Polydoor \
does not speak, or a PROXY header, which it reads only with proxy-protocol=on.
-> Let a web server do TLS; otherwise find out who connects there."""

GATEWAY_NOT_LISTED = """This listener takes gateway protocols, in which a peer may claim to be any user, only from the \
peers that allow names, or without allow from this machine. Others may speak HTTP.
-> Add allow=ADDRESS of the web server to the listener's address, or find out who connects there."""

AJP_WITHOUT_KEY = """A listener that finds out the protocol speaks AJP13 only with a secret.
-> Add secret=file:PATH or secret=env:NAME to the listener's address, the same as in the web server."""

# --- the CGI stub -----------------------------------------------------------------------------------------------------

STUB_CONFIG = """The file beside the stub, .ht-NAME.conf, or a variable POLYDOOR_CGI_* of the web server says \
something that the stub cannot use, is missing, or could have been written by somebody else. A stub with a setuid \
bit does nothing at all. The client is answered 500; what is wrong stands in the web server's error log alone.
-> Correct what the line names; `polydoor cgi init` writes a file that is right."""

STUB_PLACE = """Lock and socket of the daemon need a directory which this user alone can change, on a file system \
that has locks. Neither `state` nor the one below /tmp is one.
-> Give `state` a directory of the user as whom the web server runs the stub, with mode 0700, on a local disk."""

STUB_FOREIGN = """At the socket's path another user listens, or lies something that is no socket of this user. It is \
neither used nor removed.
-> See whose it is; remove it, or give `socket` another path."""

STUB_START = """The daemon could not be started, for the reason that the line gives. Up to four requests at a time \
run as CGI meanwhile, and another start is tried after a pause that doubles up to a minute.
-> Correct `python` and `directory`; see what the daemon's log says; ask how many processes the account may have."""

STUB_RUN = """The request could not be run as CGI, for the reason that the line gives. The client is answered 500.
-> Correct `python` and `directory` in the configuration."""

STUB_BUSY = """As many requests wait for the daemon as `backlog` allows, or it did not begin to answer within \
`patience`, or it does not start and four requests run without it. The client is answered 503 with Retry-After.
-> See the daemon's log for what takes so long. Raise `backlog` or `patience` where clients should rather wait."""

STUB_BROKEN = """The daemon ended, mostly killed or crashed, after it had got all of the request and before it \
answered. The request may have been carried out, so it is not sent again. The client is answered 502.
-> See the daemon's log, and whether the host kills processes that use too much memory or time."""

STUB_CUT = """The daemon ended within a response, which therefore is incomplete. The stub ends with status 1, so \
that the web server can break off as well.
-> See the daemon's log, and whether the host kills processes that use too much memory or time."""

STUB_NO_REQUEST = """polydoor-cgi was started at a terminal, or by something that is no web server.
-> Let a web server run it as a CGI program; `polydoor cgi init` says how."""
