"""What to say about the codes that the core writes: what happened, and behind the arrow what to do.

Numbers and titles stand in core/codec/reason.h (refused requests, and response heads) and core/base/notice.h
(everything else). No serving process imports this.
"""

# --- opening a listener -----------------------------------------------------------------------------------------------

ADDRESS_IN_USE = """Another program listens on this address, often an older run of the same server. Where the \
system lets us look, the message names it.
-> Stop that program, or choose another port or path."""

ADDRESS_FORBIDDEN = """This user may not listen there: ports below 1024 need a privilege, and a Unix socket needs \
write permission for its directory.
-> Choose a port from 1024 on, give the program CAP_NET_BIND_SERVICE, or choose or chown the directory."""

ADDRESS_NOT_HERE = """The address belongs to another machine, or its interface is down.
-> Choose an address that `ip addr` shows, 127.0.0.1 for this machine alone, or 0.0.0.0 for all interfaces."""

NO_SUCH_NETWORK = """This machine, or this container, has no IPv6 (or no IPv4).
-> Use an address of the other family."""

NOT_AN_ADDRESS = """The host is a name. Names are not looked up, so that a start never waits for a name server.
-> Write a numeric address, localhost, or * for all interfaces."""

CANNOT_LISTEN = """The operating system refused the socket for the reason that the message gives.
-> Look up the reason; listen on another address meanwhile."""

GATEWAY_EXPOSED = """FastCGI, SCGI and uwsgi believe their peer: whoever can connect may claim to be any user. \
Polydoor opens them to the network only for the addresses that are listed.
-> Add ?allow=ADDRESS of the web server, or listen on 127.0.0.1 or a Unix socket."""

BAD_SOCKET_PATH = """The path is empty, ends in a slash, or is longer than the operating system allows (107 bytes).
-> Choose a shorter path that ends in a file name."""

NO_SOCKET_DIR = """The directory in which the socket should be made is not there or cannot be opened.
-> Create it (RuntimeDirectory= of a systemd service does), or correct the path."""

UNSAFE_SOCKET_DIR = """Everybody may write to the directory of the socket, and could put another one in its place.
-> Take the write permission of others away (chmod o-w), or choose another directory."""

PATH_IS_TAKEN = """At the path of the socket lies a file, a symbolic link or a socket of another user. It is never \
removed.
-> Look what it is; remove it, or choose another path."""

NO_SOCKET_LOCK = """Beside the socket lies a lock file, by which two servers cannot take one path. It cannot be opened \
or locked.
-> Check the owner of the file and its directory; choose a directory on a local disk."""

SOCKET_PATH_FAILED = """The socket's file could not be looked at, removed, given its mode or its owner.
-> Check the owner of the directory; leave mode and owner out."""

BAD_DESCRIPTOR = """fd://N needs a listening stream socket that whoever started Polydoor has opened, such as systemd.
-> Check the number (the first one of systemd is 3) and that the socket unit has Accept=no."""

# --- accepting --------------------------------------------------------------------------------------------------------

ACCEPT_EXHAUSTED = """A new connection could not be accepted. Accepting pauses for a moment; open connections go on.
-> Raise the limit of open files (ulimit -n, LimitNOFILE), or lower --max-connections."""

LISTENER_LOST = """A listening socket was closed or shut down from outside, so nothing more comes through it.
-> Restart the server; see who else holds the socket."""

# --- the process ------------------------------------------------------------------------------------------------------

LOG_LOST = """More was to be told than could be written: as much of messages and of wsgi.errors as --message-buffer \
allows waited already.
-> See why standard error is not read, or what makes so many messages; raise --message-buffer for long bursts."""

ACCESS_LOG_REFUSED = """The file that --access-log names cannot be opened for the reason that the message gives, or it \
is a named pipe that nobody reads.
-> Create its directory, let this user write there, or start the reader of the pipe first."""

ACCESS_LOG_FAILED = """A line of the access log could not be written. A pipe whose reader has left is given up; a file \
is tried again, and what cannot be written until then is dropped.
-> See who should read standard output, or make room on the disk; --no-access-log if nobody wants it."""

ACCESS_LOG_LOST = """So many lines were dropped: the buffer was full, because the reader of the log is slower than \
requests come, or because the log could not be written. Requests do not wait for it.
-> See why the reader is slow; raise --access-log-buffer, or leave paths out with --access-log-exclude."""

ACCESS_LOG_KEPT = """SIGUSR1 asked for a new file, and it cannot be opened. The log goes on in the old one.
-> Check the directory and its owner, then send SIGUSR1 again."""

# --- responses --------------------------------------------------------------------------------------------------------

RESPONSE_CUT = """The application gave more bytes than its Content-Length says. The surplus was not sent.
-> Correct the Content-Length, or leave it out. It counts bytes, not characters."""

RESPONSE_SHORT = """The application gave fewer bytes than its Content-Length says. The connection was broken off, so \
that nobody takes the response for a whole one.
-> Correct the Content-Length, or leave it out."""

FILE_SHRANK = """A file became shorter while it was sent. The connection was broken off.
-> Replace files by renaming a new one over them, rather than by rewriting them."""

WRITE_TIMEOUT = """The peer took no further byte of the response for --write-timeout. The connection was closed.
-> Nothing, if it is a client with a bad line; raise --write-timeout if it is your own."""

BODY_CUT = """The front end sent more of a request body than it announced: past CONTENT_LENGTH, or with a \
request that has neither that nor the chunked coding. The application got what was announced.
-> Have the client announce its length, or let the front end collect the body first (in nginx: request buffering on)."""

BAD_STATUS = """The application's status is not written as "200 OK". The client was answered 500.
-> Pass three digits, a space and a reason to start_response()."""

BAD_RESPONSE_NAME = """The name of a response header holds a space, a colon or another byte that may not stand there.
-> Correct the name."""

BAD_RESPONSE_VALUE = """The value of a response header holds a line end or another control character, by which one \
header could become two.
-> Remove control characters from what goes into headers."""

STATUS_AS_FIELD = """The application set a header Status, which a web server that asks over FastCGI, SCGI or CGI \
would take for the status itself.
-> Pass the status to start_response(), and remove the header."""

HOP_BY_HOP = """The application set a header such as Connection or Transfer-Encoding, which is the server's (PEP 3333).
-> Remove it."""

BAD_RESPONSE_LENGTH = """The application's Content-Length is no plain decimal number, or stands twice.
-> Pass one Content-Length, or none."""

RESPONSE_HEAD_TOO_LARGE = """The status and headers do not fit one packet of the front end's protocol.
-> Send fewer or shorter headers; large cookies are the usual reason."""

# --- request line and header lines ------------------------------------------------------------------------------------

NONE = """Never written.
-> Nothing."""

BAD_METHOD = """The method holds a byte that may not stand there. Often TLS was spoken to a port without TLS.
-> Check that the client speaks plain HTTP to this port."""

BAD_REQUEST_LINE = """The request line does not have its three parts with one space between them.
-> Nothing for stray clients; else correct the client."""

BAD_TARGET = """The target is neither a path, nor an absolute URL, nor `*` for OPTIONS; or a byte in it must be \
escaped.
-> Have the client escape the URL."""

BAD_VERSION = """The request line does not end in a version such as HTTP/1.1.
-> Nothing for stray clients; else correct the client."""

UNSUPPORTED_VERSION = """The client speaks another version, such as HTTP/2 without having asked.
-> Have the client, or the front end, speak HTTP/1.1."""

CONNECT_REFUSED = """The client takes the server for a proxy.
-> Nothing; it is mostly somebody who looks for open proxies."""

NUL_IN_PATH = """The path holds an escaped NUL, which no file or application expects.
-> Nothing; it is mostly an attack."""

METHOD_TOO_LONG = """No method that is in use is so long.
-> Nothing; it is mostly an attack or another protocol."""

TOO_MANY_EMPTY_LINES = """More empty lines stand before the request line than a faulty client would send.
-> Nothing; it is mostly an attack."""

LEADING_SPACE = """The first header line begins with white space. Servers disagree on what that means, which is used \
to smuggle requests.
-> Correct the client."""

BARE_LF = """A line ends in LF without CR before it. Servers disagree on what that means, which is used to smuggle \
requests.
-> Have the client end lines with CR LF."""

BARE_CR = """A CR stands where no line ends. Servers disagree on what that means, which is used to smuggle requests.
-> Correct the client."""

BAD_FIELD_NAME = """A header has no name, or a name with a byte that may not stand there.
-> Correct the client."""

SPACE_BEFORE_COLON = """White space stands between a header's name and its colon, which is used to smuggle requests.
-> Correct the client."""

NO_COLON = """A header line has no colon.
-> Correct the client."""

BAD_FIELD_VALUE = """The value of a header holds a control character.
-> Correct the client."""

OBS_FOLD = """A header goes on in the next line. RFC 9112 has abolished that.
-> Have the client write each header in one line."""

DUPLICATE_FIELD = """A header that may stand once, such as Host, stands twice.
-> Correct the client or the front end that adds the second one."""

MISSING_HOST = """An HTTP/1.1 request must say for which host it is.
-> Correct the client; for a health check, add a Host header."""

BAD_HOST = """The Host header is not a host name or address with an optional port.
-> Correct the client or the health check."""

# --- limits and time of a head ----------------------------------------------------------------------------------------

HEAD_TOO_LARGE = """All headers, or CGI variables, together are larger than --head-limit. Cookies are the usual reason.
-> Let the application set fewer cookies, or raise --head-limit."""

TOO_MANY_FIELDS = """The request has more headers, or CGI variables, than --field-limit.
-> Raise --field-limit if the client is one of yours."""

TARGET_TOO_LONG = """Path and query together are longer than --target-limit.
-> Send long data in a body, or raise --target-limit."""

HEAD_TIMEOUT = """The request head was not complete within --head-timeout.
-> Nothing for stray or slow clients; raise --head-timeout if they are yours."""

NO_MEMORY = """No memory was left for the request.
-> Give the server more memory, or lower --max-connections and --body-memory."""

OVERLOADED = """More complete requests wait for a thread than --queue-limit allows, or one waited longer than \
--queue-timeout. The client was answered 503.
-> Find what makes the application slow; add threads if it mostly waits."""

# --- bodies -----------------------------------------------------------------------------------------------------------

BAD_CONTENT_LENGTH = """The Content-Length of the request is not a plain decimal number.
-> Correct the client."""

DUPLICATE_CONTENT_LENGTH = """The request has two Content-Length headers, which is used to smuggle requests.
-> Correct the client or the front end."""

LENGTH_AND_ENCODING = """The request says the length of its body in two ways, which is used to smuggle requests.
-> Correct the client or the front end."""

BAD_TRANSFER_ENCODING = """The Transfer-Encoding is not exactly `chunked`.
-> Correct the client."""

UNKNOWN_TRANSFER_ENCODING = """The body is encoded in a way that is not known here.
-> Have the client send `chunked`, or a Content-Length."""

ENCODING_IN_HTTP10 = """HTTP/1.0 knows no Transfer-Encoding, and servers disagree on what to do with one.
-> Have the client speak HTTP/1.1."""

BAD_EXPECTATION = """The Expect header asks for something else than 100-continue.
-> Correct the client."""

BAD_CHUNK_SIZE = """The size of a chunk is not a plain hexadecimal number.
-> Correct the client."""

BAD_CHUNK_EXTENSION = """What stands behind a chunk's size is malformed.
-> Correct the client."""

CHUNK_OVERHEAD = """The body is cut into so many small chunks that their framing outweighs the data.
-> Have the client send larger chunks."""

BAD_CHUNK_END = """A chunk is longer than its size says.
-> Correct the client."""

BAD_TRAILER = """Behind the last chunk stands a header that is malformed or may not stand there.
-> Correct the client."""

BODY_TRUNCATED = """The client left, or ended its side, before the body was complete.
-> Nothing, if people cancel uploads; else look at the timeouts of the front end."""

BODY_TOO_LARGE = """The body is larger than --body-limit. The client was answered 413.
-> Raise --body-limit if such uploads are wanted; the front end has a limit of its own."""

BODY_TIMEOUT = """The body came more slowly than --body-timeout and 500 bytes a second allow.
-> Raise --body-timeout if clients with bad lines upload much."""

SPILL_FAILED = """A large body could not be written to its temporary file; mostly the disk is full.
-> Make room, or name another folder with --spill-dir."""

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

# --- responses of a server that was asked by `polydoor request` -------------------------------------------------------

ANSWER_EMPTY = """The connection was closed before a byte of a response came, so the request was not answered. Often \
the server speaks another protocol on this port, refuses this peer, or has crashed.
-> Check the protocol in front of the address, and look into the log of the server."""

ANSWER_NO_HEAD = """What was answered ends within the header lines: the application or the server broke off.
-> Look into the log of the server; `polydoor request -v` shows what came."""

ANSWER_HEAD_TOO_LARGE = """What was answered has header lines of more than 64 KiB, or more than 512 of them.
-> Look with `polydoor request -v` at what comes; often it is not a head, but a body without one."""

ANSWER_BAD_STATUS = """What was answered does not begin as a response of this protocol does, or with a status that is \
never the answer to a request. Often the server speaks another protocol on this port.
-> Check the protocol in front of the address; `polydoor request -v` shows what came."""

ANSWER_BAD_FIELD = """What was answered has a header line without a name, without a colon or with a control character. \
Often it is a traceback or a warning that an application printed where its headers belong.
-> Look with `polydoor request -v` at the line, and correct the application."""

ANSWER_BAD_LENGTH = """What was answered announces lengths of which no two readers would make the same.
-> Correct the application, or what stands between: Content-Length is one plain decimal number."""

ANSWER_BAD_CODING = """What was answered has a Transfer-Encoding other than `chunked`, together with a length, or over \
HTTP/1.0. Where such a response ends is in doubt.
-> Correct the server, or what stands between."""

ANSWER_BAD_RECORD = """What was answered are no FastCGI records of the request: another version, id, type or length.
-> Check that the port speaks FastCGI; `polydoor request -v` shows the records."""

ANSWER_REFUSED = """The request was answered by END_REQUEST with a protocol status: the server is overloaded, cannot \
take several requests on one connection, or does not know the role.
-> Try again, or look into the log of the server; `polydoor request -v` shows the status."""

CGI_NO_LENGTH = """The client sends its body in chunks, and the web server passes it on without CONTENT_LENGTH. As \
CGI the end of such a body cannot be told from an upload that broke off.
-> Let the web server collect the body first, or let it speak another protocol to Polydoor."""
