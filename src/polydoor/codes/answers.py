"""What to say about the answers of a server that was asked by `polydoor request`, as engine.py says the rest.

Numbers and titles stand in core/codec/reason.h. No serving process imports this.
"""

ANSWER_EMPTY = """The connection was closed before a byte of a response came, so the request was not answered. Often \
the server speaks another protocol on this port, refuses this peer, or has crashed.
-> Check the protocol in front of the address, and look into the log of the server."""

ANSWER_NO_HEAD = """What was answered ends within or before the header lines: the application or the server broke off.
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
