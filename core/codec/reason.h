/*
 * reason.h - why bytes were refused: one code per cause, for all protocols.
 *
 * Each row: enum suffix, the number of its code (512 is PD0512; never given to
 * another reason, nor used again), HTTP status that tells the client (0: close
 * without an answer, because the peer does not speak our protocol or the frame
 * is lost), and the text for the log. What to do about each is written in
 * src/polydoor/codes. Codecs and the policy layer return these;
 * nothing else decides what a refused request is answered.
 */
#ifndef PD_REASON_H
#define PD_REASON_H

/* clang-format off */
#define PD_REASONS(X) \
    X(NONE, 500, 0, "no error") \
    /* our own means */ \
    X(NO_MEMORY, 551, 503, "out of memory") \
    X(OVERLOADED, 552, 503, "too many requests at once") \
    X(QUEUE_TIMEOUT, 553, 503, "the request has waited too long for a thread") \
    X(SUSPENDED_FULL, 556, 503, "too many requests wait without a thread") \
    X(STOPPING, 555, 503, "the server is being stopped") \
    X(SPILL_FAILED, 651, 503, "the temporary file for the body cannot be written") \
    /* time */ \
    X(HEAD_TIMEOUT, 541, 408, "the request head did not arrive in time") \
    X(BODY_TIMEOUT, 641, 408, "the request body arrives too slowly") \
    X(REQUEST_TIMEOUT, 408, 504, "the application did not answer in time") \
    /* limits */ \
    X(HEAD_TOO_LARGE, 531, 431, "the request head is larger than the limit") \
    X(TOO_MANY_FIELDS, 532, 431, "the request has more header fields than the limit") \
    X(TARGET_TOO_LONG, 533, 414, "the request target is longer than the limit") \
    X(BODY_TOO_LARGE, 631, 413, "the request body is larger than the limit") \
    X(METHOD_TOO_LONG, 509, 501, "the method is longer than any known one") \
    X(TOO_MANY_EMPTY_LINES, 510, 400, "too many empty lines before the request line") \
    /* request line */ \
    X(BAD_METHOD, 501, 400, "the method is not a token") \
    X(BAD_REQUEST_LINE, 502, 400, "the request line is not METHOD SP TARGET SP VERSION") \
    X(BAD_TARGET, 503, 400, "the request target has a form or a byte that is not allowed") \
    X(BAD_VERSION, 504, 400, "the version is not HTTP/DIGIT.DIGIT") \
    X(UNSUPPORTED_VERSION, 505, 505, "only HTTP/1.x is served") \
    X(CONNECT_REFUSED, 506, 501, "CONNECT is not served") \
    X(NUL_IN_PATH, 507, 400, "the path holds %00") \
    /* header lines */ \
    X(BARE_LF, 512, 400, "a line ends in a bare LF") \
    X(BARE_CR, 513, 400, "a CR stands outside a line end") \
    X(BAD_FIELD_NAME, 514, 400, "a field name is empty or not a token") \
    X(SPACE_BEFORE_COLON, 515, 400, "white space before the colon of a field") \
    X(NO_COLON, 516, 400, "a header line has no colon") \
    X(BAD_FIELD_VALUE, 517, 400, "a field value holds a control character") \
    X(OBS_FOLD, 518, 400, "a folded header line") \
    X(LEADING_SPACE, 511, 400, "white space before the first header field") \
    X(DUPLICATE_FIELD, 519, 400, "a field that may stand once stands twice") \
    X(MISSING_HOST, 520, 400, "HTTP/1.1 without Host") \
    X(BAD_HOST, 521, 400, "Host is not host[:port]") \
    /* framing of the body */ \
    X(BAD_CONTENT_LENGTH, 601, 400, "Content-Length is not a plain decimal number") \
    X(DUPLICATE_CONTENT_LENGTH, 602, 400, "more than one Content-Length") \
    X(LENGTH_AND_ENCODING, 603, 400, "Transfer-Encoding together with Content-Length") \
    X(BAD_TRANSFER_ENCODING, 604, 400, "Transfer-Encoding is not exactly chunked") \
    X(UNKNOWN_TRANSFER_ENCODING, 605, 501, "a transfer coding other than chunked") \
    X(ENCODING_IN_HTTP10, 606, 400, "Transfer-Encoding in an HTTP/1.0 request") \
    X(BAD_EXPECTATION, 607, 417, "an expectation other than 100-continue") \
    X(BAD_CHUNK_SIZE, 608, 400, "a chunk size is not a plain hexadecimal number") \
    X(BAD_CHUNK_EXTENSION, 609, 400, "a malformed chunk extension") \
    X(CHUNK_OVERHEAD, 610, 400, "too much chunk framing for the data") \
    X(BAD_CHUNK_END, 611, 400, "chunk data is not followed by CR LF") \
    X(BAD_TRAILER, 612, 400, "a malformed or forbidden trailer field") \
    X(BODY_TRUNCATED, 613, 400, "the body ended before its announced length") \
    /* CGI-style variables */ \
    X(BAD_VARIABLE_NAME, 701, 400, "a variable name is empty or holds a forbidden byte") \
    X(BAD_VARIABLE_VALUE, 702, 400, "a variable value holds a NUL or a line end") \
    X(DUPLICATE_VARIABLE, 703, 400, "a variable that may stand once stands twice") \
    X(MISSING_METHOD, 704, 400, "REQUEST_METHOD is missing or empty") \
    X(BAD_PATH, 705, 400, "the path is neither empty nor begins with a slash") \
    /* FastCGI */ \
    X(FCGI_BAD_VERSION, 711, 0, "the FastCGI version is not 1") \
    X(FCGI_BAD_RECORD, 712, 0, "a FastCGI record of this type may not have this id or length") \
    X(FCGI_BAD_PAIR, 713, 400, "a FastCGI name-value pair is cut off") \
    X(FCGI_ID_IN_USE, 714, 0, "BEGIN_REQUEST for an id that is in use") \
    X(FCGI_EARLY_STDIN, 715, 400, "STDIN before the end of PARAMS") \
    X(FCGI_FLOOD, 716, 0, "the peer asks for more and more replies and reads none") \
    /* AJP13 */ \
    X(AJP_BAD_MAGIC, 720, 0, "the packet does not begin as AJP13 does") \
    X(AJP_BAD_PACKET, 721, 0, "an AJP13 packet that may not stand where a request begins") \
    X(AJP_SHUTDOWN, 722, 0, "an AJP13 SHUTDOWN") \
    X(AJP_PACKET_TOO_LARGE, 723, 431, "the AJP13 request is larger than a packet may be") \
    X(AJP_BAD_STRING, 724, 400, "a part of the AJP13 request is cut off or has no end") \
    X(AJP_BAD_CODE, 725, 400, "an AJP13 method or header code that does not exist") \
    X(AJP_BAD_ATTRIBUTE, 726, 400, "an AJP13 attribute that does not exist") \
    X(AJP_NOT_AUTHENTIC, 727, 403, "the AJP13 secret is missing or wrong") \
    X(AJP_BAD_DATA, 728, 400, "an AJP13 data packet has a length that cannot be right") \
    /* SCGI */ \
    X(SCGI_BAD_LENGTH, 731, 0, "the netstring length is not a plain decimal number") \
    X(SCGI_TOO_LARGE, 732, 0, "the netstring is longer than the limit") \
    X(SCGI_NO_COMMA, 733, 0, "the netstring does not end in a comma") \
    X(SCGI_BAD_PAIRS, 734, 0, "the SCGI headers are not NUL-terminated pairs") \
    X(SCGI_LENGTH_NOT_FIRST, 735, 0, "CONTENT_LENGTH is not the first SCGI header") \
    X(SCGI_NO_VERSION, 736, 0, "the SCGI header SCGI is not 1") \
    /* uwsgi */ \
    X(UWSGI_BAD_MODIFIER, 740, 0, "the uwsgi modifiers ask for something other than a WSGI request") \
    X(UWSGI_BAD_PAIRS, 741, 400, "a uwsgi variable does not fit into its block") \
    X(UWSGI_NO_LENGTH, 742, 411, "a uwsgi request with a body of unknown length") \
    /* the PROXY protocol */ \
    X(PROXY_MISSING, 750, 0, "the connection does not begin with a PROXY header") \
    X(PROXY_BAD_LINE, 751, 0, "the PROXY line is malformed") \
    X(PROXY_BAD_HEADER, 752, 0, "the PROXY header of version 2 is malformed") \
    X(PROXY_TOO_LARGE, 753, 0, "the PROXY header is longer than 4096 bytes") \
    X(PROXY_BAD_CHECKSUM, 754, 0, "the checksum of the PROXY header is wrong") \
    /* listeners that find the protocol out */ \
    X(UNKNOWN_PROTOCOL, 760, 0, "the first byte is that of no protocol that is spoken here") \
    X(GATEWAY_NOT_LISTED, 761, 0, "a gateway protocol from a peer that is not listed") \
    X(AJP_WITHOUT_KEY, 762, 0, "AJP13 to a listener for every protocol that has no secret") \
    /* CGI */ \
    X(CGI_NO_LENGTH, 770, 411, "the web server does not tell the length of the request body") \
    /* responses (errors of the application) */ \
    X(BAD_STATUS, 421, 500, "the status is not three digits, a space and a reason") \
    X(BAD_RESPONSE_NAME, 422, 500, "a response header name is not a token") \
    X(BAD_RESPONSE_VALUE, 423, 500, "a response header value holds a control character") \
    X(HOP_BY_HOP, 424, 500, "a hop-by-hop response header") \
    X(BAD_RESPONSE_LENGTH, 425, 500, "the response's Content-Length is malformed or stands twice") \
    X(STATUS_AS_FIELD, 427, 500, "the status goes into start_response(), not into a header Status") \
    X(RESPONSE_HEAD_TOO_LARGE, 426, 500, "the response head does not fit the protocol's packet") \
    /* responses of a server that we have asked (codec/client.h); no client of ours is told */ \
    X(ANSWER_EMPTY, 80, 0, "the server closed the connection without an answer") \
    X(ANSWER_NO_HEAD, 81, 0, "the response ended before its head was complete") \
    X(ANSWER_HEAD_TOO_LARGE, 82, 0, "the head of the response is larger than the limit") \
    X(ANSWER_BAD_STATUS, 83, 0, "the response does not begin with a status that may stand there") \
    X(ANSWER_BAD_FIELD, 84, 0, "a header line of the response is malformed") \
    X(ANSWER_BAD_LENGTH, 85, 0, "the Content-Length of the response is malformed, or there are different ones") \
    X(ANSWER_BAD_CODING, 86, 0, "the transfer coding of the response is not exactly chunked") \
    X(ANSWER_BAD_RECORD, 87, 0, "the server sent a record that has no place in a response") \
    X(ANSWER_REFUSED, 88, 0, "the server refused the request with a FastCGI protocol status")
/* clang-format on */

enum pd_reason {
#define PD_REASON_ENUM(name, number, status, text) PD_R_##name,
    PD_REASONS(PD_REASON_ENUM)
#undef PD_REASON_ENUM
        PD_R_COUNT_
};

/* The number of the code: 512 for PD0512. */
int pd_reason_number(enum pd_reason r);
/* The HTTP status for the client; 0 means: close without an answer. */
int pd_reason_status(enum pd_reason r);
/* One English clause for the log. */
const char *pd_reason_text(enum pd_reason r);
/* The enum suffix, as corpora and the docs write it ("BARE_LF"). */
const char *pd_reason_name(enum pd_reason r);

#endif
