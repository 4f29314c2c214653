"""What to say about the codes that the core writes: what happened, and behind the arrow what to do.

Numbers and titles stand in core/codec/reason.h (refused requests, and response heads) and core/base/notice.h
(everything else). What front ends send is in gateways.py, what an asked server answers in answers.py. No serving
process imports these.
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

ACCEPT_EXHAUSTED = """A new connection could not be accepted. Idle connections are closed for it, open ones go on, and \
accepting pauses until one has ended, or for a moment. At most one line in ten seconds tells of it.
-> Raise the limit of open files (ulimit -n, LimitNOFILE), or lower --max-connections."""

CONNECTIONS_FULL = """As many connections are open as --max-connections, or the limit of open files, allows. Idle ones \
are closed for new ones; without any, those wait in the backlog until one has ended. At most one line in ten seconds \
tells of it.
-> Raise --max-connections, and the limit of open files if PD0304 was told at start; lower --idle-timeout or \
--head-timeout if most connections do nothing."""

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

REQUEST_CUT = """The server was told to stop at once, or --drain-timeout was over, and this request was not \
finished. Its client sees a connection that breaks off; one that waited for a thread, or without one and had sent \
nothing, was answered 503. After twenty such lines the others are only counted.
-> Look at what took so long; raise --drain-timeout if such requests are to be finished."""

STOP_CUT = """The server was told to stop at once, or --drain-timeout was over, and so many requests were not finished.
-> If clients need them finished, raise --drain-timeout, and what the service manager allows (TimeoutStopSec, \
terminationGracePeriodSeconds)."""

# --- responses --------------------------------------------------------------------------------------------------------

RESPONSE_CUT = """The application gave more bytes than its Content-Length says. The surplus was not sent.
-> Correct the Content-Length, or leave it out. It counts bytes, not characters."""

RESPONSE_SHORT = """The application gave fewer bytes than its Content-Length says. The connection was broken off, so \
that nobody takes the response for a whole one.
-> Correct the Content-Length, or leave it out."""

FILE_SHRANK = """A file became shorter while it was sent. The connection was broken off.
-> Replace files by renaming a new one over them, rather than by rewriting them."""

WAIT_FAILED = """A request waits for a descriptor (x-wsgiorg.fdevent) that the system refuses to watch: there \
is no memory, /proc/sys/fs/epoll/max_user_watches is reached, or the descriptor is that of an epoll set with others \
nested in it more than three deep. The request went on at once, as if it were ready.
-> Give the machine more memory or raise that limit; lower --max-suspended; put descriptors into one set rather than \
sets into sets."""

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

OVERLOADED = """More complete requests wait for a thread than --queue-limit allows. The newest was answered 503, or \
with --queue-order newest-first the oldest.
-> Find what makes the application slow; add threads if it mostly waits."""

QUEUE_TIMEOUT = """A complete request has waited for a thread for longer than --queue-timeout; where forwarded=start \
has it count, the time at the front end included. The client was answered 503, or what --queue-timeout-status says.
-> Find what makes the application slow; add threads if it mostly waits."""

SUSPENDED_FULL = """A request was to wait without a thread (x-wsgiorg.fdevent), and as many do as --max-suspended \
allows. It was answered 503, or its response was broken off if it had begun; close() of its iterable was called.
-> See what so many requests wait for; raise --max-suspended, and --max-connections, if that is as it should be."""

STOPPING = """The server was told to stop at once, or --drain-timeout was over, while the request waited for a thread. \
The client was answered 503 with Retry-After. The log tells of it as PD0316.
-> If clients need such requests finished, raise --drain-timeout."""

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

REQUEST_TIMEOUT = """The application gave nothing for as long as --request-timeout says. The client was answered 504, \
or its response was broken off if it had begun, and the application is interrupted (PD0411).
-> Look what takes so long, or raise --request-timeout if it may."""

SPILL_FAILED = """A large body could not be written to its temporary file; mostly the disk is full.
-> Make room, or name another folder with --spill-dir."""
