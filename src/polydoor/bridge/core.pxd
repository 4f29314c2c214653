# core.pxd - the C declarations that the bridge uses, and nothing else.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "base/slice.h" nogil:
    struct pd_slice:
        const char *p
        size_t n

    pd_slice pd_slice_make "pd_slice"(const char *p, size_t n)


cdef extern from "base/buf.h" nogil:
    struct pd_buf:
        pass

    pd_slice pd_buf_view(const pd_buf *b)
    void pd_buf_init(pd_buf *b, const pd_sys *sys, size_t limit)
    void pd_buf_fini(pd_buf *b)


cdef extern from "base/sys.h" nogil:
    struct pd_sys:
        pass

    const pd_sys *pd_sys_default()


cdef extern from "codec/names.h" nogil:
    enum:
        PD_NAME_OTHER
        PD_NAME_COUNT
        PD_NAME_REQUEST_METHOD
        PD_NAME_SCRIPT_NAME
        PD_NAME_PATH_INFO
        PD_NAME_QUERY_STRING
        PD_NAME_REQUEST_URI
        PD_NAME_SERVER_NAME
        PD_NAME_SERVER_PORT
        PD_NAME_SERVER_PROTOCOL
        PD_NAME_REMOTE_ADDR
        PD_NAME_HTTP_HOST
        PD_NAME_HTTP_ACCEPT
    pd_slice pd_name_key(int id)


cdef extern from "codec/reason.h" nogil:
    enum pd_reason:
        PD_R_NONE
    const char *pd_reason_text(pd_reason r)
    int pd_reason_number(pd_reason r)


cdef extern from "codec/policy.h" nogil:
    bint pd_policy_is_of_request(pd_slice name)


cdef extern from "codec/limits.h" nogil:
    enum:
        PD_FIELDS_MAX
    struct pd_limits:
        size_t head
        size_t target
        size_t fields
        uint64_t body

    pd_limits PD_LIMITS_DEFAULT


cdef extern from "codec/head.h" nogil:
    enum pd_head_form:
        PD_HEAD_HTTP
        PD_HEAD_CGI
        PD_HEAD_AJP

    struct pd_field:
        pd_slice name
        pd_slice value

    struct pd_scratch:
        pd_field *fields

    struct pd_head:
        int form
        uint16_t nheaders
        uint16_t nvariables
        pd_slice method
        pd_slice target
        pd_field *fields
        size_t nfields
        int64_t content_length
        bint chunked


cdef extern from "codec/client.h" nogil:
    enum pd_answer_kind:
        PD_ANSWER_MORE
        PD_ANSWER_INTERIM
        PD_ANSWER_HEAD
        PD_ANSWER_BODY
        PD_ANSWER_STDERR
        PD_ANSWER_DEMAND
        PD_ANSWER_END
        PD_ANSWER_BAD

    struct pd_answer_head:
        unsigned int status
        pd_slice phrase
        pd_field *fields
        size_t nfields

    struct pd_answer:
        pd_answer_kind kind
        int ended
        pd_reason reason
        pd_slice data
        const pd_answer_head *head
        size_t wanted
        uint64_t app_status
        bint surplus

    struct pd_client_codec:
        size_t state_size
        int form
        bint sends_chunks
        bint on_demand
        size_t frame_max
        void (*init)(void *state, const pd_sys *sys, const pd_limits *limits)
        void (*fini)(void *state)
        pd_reason (*put_head)(void *state, const pd_head *head, pd_buf *out)
        void (*put_frame)(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n)
        size_t (*put_end)(void *state, char *dst)
        void (*next)(void *state, pd_slice data, size_t *used, pd_scratch *scratch, pd_answer *a)
        void (*eof)(void *state, bint clean, pd_answer *a)

    const pd_client_codec pd_client_http1
    const pd_client_codec pd_client_ajp13
    const pd_client_codec pd_client_fastcgi
    const pd_client_codec pd_client_scgi
    const pd_client_codec pd_client_uwsgi


cdef extern from "codec/request.h" nogil:
    enum pd_profile:
        PD_PROFILE_GENERIC
        PD_PROFILE_APACHE
        PD_PROFILE_NGINX
        PD_PROFILE_LIGHTTPD
        PD_PROFILE_HAPROXY
        PD_PROFILE_CADDY

    struct pd_var:
        uint16_t id
        pd_slice name
        pd_slice value

    enum pd_forwarded_field:
        PD_FORWARDED_FOR
        PD_FORWARDED_PROTO
        PD_FORWARDED_HOST
        PD_FORWARDED_PORT
        PD_FORWARDED_RFC7239
        PD_FORWARDED_START

    struct pd_net:
        pass

    bint pd_net_parse(pd_slice text, pd_net *out)

    struct pd_forwarders:
        const pd_net *nets
        size_t n
        bint unix_peers
        unsigned fields

    struct pd_site:
        pd_slice mount
        pd_profile profile
        bint trust_remote_user
        bint program
        pd_forwarders forwarders

    struct pd_request:
        pd_var *vars
        size_t nvars
        pd_slice method
        pd_slice path
        int64_t content_length
        uint8_t http_minor
        bint chunked
        bint is_head
        bint https

    pd_slice pd_request_get(const pd_request *r, int id)


cdef extern from "codec/codec.h" nogil:
    struct pd_codec:
        bint gateway

    const pd_codec pd_codec_http1
    const pd_codec pd_codec_fastcgi
    const pd_codec pd_codec_scgi
    const pd_codec pd_codec_uwsgi
    const pd_codec pd_codec_cgi
    const pd_codec pd_codec_ajp13

    struct pd_codec_options:
        pd_slice secret
        size_t packet
        bint lighttpd
        bint raw_path


cdef extern from "codec/response.h" nogil:
    struct pd_response:
        uint16_t status
        pd_buf fields
        int64_t content_length
        bint dropped_file

    void pd_response_init(pd_response *r, const pd_sys *sys, size_t head_limit)
    void pd_response_fini(pd_response *r)
    pd_reason pd_response_start(pd_response *r, pd_slice status)
    pd_reason pd_response_add(pd_response *r, pd_slice name, pd_slice value)
    pd_reason pd_response_set_length(pd_response *r, uint64_t n)
    bint pd_response_hand_over(pd_response *r, pd_slice name, pd_slice value)
    void pd_response_spoil(pd_response *r)


cdef extern from "loop/unix_path.h" nogil:
    struct pd_unix_path:
        int dir_fd
        int lock_fd
        bint is_bound
        int pid
        uint64_t dev
        uint64_t ino
        char name[108]

    void pd_unix_path_init(pd_unix_path *p)
    void pd_unix_path_fini(pd_unix_path *p, const pd_sys *sys)


cdef extern from "loop/listener.h" nogil:
    enum pd_listener_kind:
        PD_LISTENER_TCP
        PD_LISTENER_UNIX
        PD_LISTENER_FD

    struct pd_peer_rule:
        pass

    struct pd_listener_config:
        pd_listener_kind kind
        const char *host
        uint16_t port
        const char *path
        unsigned mode
        unsigned uid
        unsigned gid
        int fd
        int backlog
        bint is_gateway
        bint lacks_secret
        const pd_peer_rule *allow
        size_t allow_n

    struct pd_listener:
        const pd_sys *sys
        int fd
        unsigned short family
        bint inherited
        size_t allow_n
        pd_unix_path path
        char name[128]

    bint pd_listener_open(const pd_listener_config *config, const pd_sys *sys, pd_listener *out, char *err,
                          size_t err_n)
    void pd_listener_refuse(pd_listener *l)
    void pd_listener_close(pd_listener *l)
    void pd_listener_config_init(pd_listener_config *config)
    bint pd_listener_check(const pd_listener_config *config, const pd_sys *sys, char *err, size_t err_n)
    bint pd_peer_rule_parse(const char *text, pd_peer_rule *out)


cdef extern from "loop/relay.h" nogil:
    struct pd_relay:
        uint64_t written

    enum pd_relay_end:
        PD_RELAY_DONE
        PD_RELAY_GONE

    void pd_relay_init(pd_relay *r, const pd_sys *sys, int input, int output, int socket, pd_slice head, uint64_t body)
    pd_relay_end pd_relay_run(pd_relay *r)


cdef extern from "engine/access.h" nogil:
    enum pd_access_form:
        PD_ACCESS_SHORT
        PD_ACCESS_COMBINED
        PD_ACCESS_JSON

    struct pd_access_config:
        pd_access_form form
        const char *path
        int fd
        size_t buffer
        const pd_slice *exclude
        size_t nexclude

    bint pd_access_check(const char *path, char *error, size_t n)


cdef extern from "engine/exchange_api.h" nogil:
    struct pd_timeouts:
        uint64_t head
        uint64_t body
        uint64_t idle
        uint64_t write
        uint64_t queue
        uint64_t linger
        uint64_t request
        uint64_t gil

    struct pd_config:
        pd_limits limits
        pd_timeouts timeouts
        size_t body_memory
        size_t response_memory
        size_t message_buffer
        unsigned message_burst
        uint64_t response_spill
        size_t ready_max
        bint newest_first
        bint late_is_504
        uint64_t retry_ms
        size_t conns_max
        size_t suspended_max
        bint resume_anywhere
        const void *forked
        char health_path[128]

    struct pd_port:
        const pd_codec *codec
        pd_codec_options options
        pd_site site
        bint proxied
        bint detect
        bint stream
        bint serve_half_closed
        bint send_file
        unsigned file_map

    enum pd_loop_event:
        PD_READABLE
        PD_WRITABLE

    enum pd_loop_backend:
        PD_LOOP_EPOLL
        PD_LOOP_POLL

    struct pd_engine:
        pass
    struct pd_thread:
        pass
    struct pd_exchange:
        uint64_t id

    struct pd_stats:
        uint64_t requests
        uint64_t refused
        uint64_t connections
        uint64_t ready
        uint64_t running
        uint64_t overdue
        uint64_t suspended
        uint64_t dropped
        uint64_t begun
        uint64_t busy
        uint64_t resets

    const pd_config PD_CONFIG_DEFAULT
    pd_engine *pd_engine_new(const pd_config *config, const char *spill_dir, pd_loop_backend backend,
                             const pd_sys *sys)
    void pd_engine_free(pd_engine *e)
    bint pd_engine_listen(pd_engine *e, const pd_listener_config *config, const pd_port *port,
                          char *name, size_t name_n, char *error, size_t error_n)
    bint pd_engine_adopt(pd_engine *e, int fd, const pd_port *port)
    pd_thread *pd_thread_new(pd_engine *e)
    void pd_thread_free(pd_thread *t)
    pd_exchange *pd_engine_next(pd_thread *t)
    void pd_engine_begins(pd_thread *t)
    void pd_engine_ends(pd_thread *t)
    void pd_engine_lets_go(pd_thread *t)
    void pd_engine_goes_on(pd_thread *t)
    bint pd_engine_is_contended(const pd_thread *t)
    bint pd_engine_relief(pd_engine *e)
    void pd_engine_unready(pd_engine *e)
    void pd_engine_stop(pd_engine *e, uint64_t drain_ms)
    int pd_engine_log_fd(const pd_engine *e)
    size_t pd_engine_take_log(pd_engine *e, char *dst, size_t n)
    void pd_engine_say(pd_engine *e, pd_slice text)
    void pd_engine_say_more(pd_engine *e, pd_slice text)
    void pd_thread_say(pd_thread *t, pd_slice text)
    bint pd_engine_open_access_log(pd_engine *e, const pd_access_config *config, char *error, size_t error_n)
    void pd_engine_run_access_log(pd_engine *e)
    void pd_engine_close_access_log(pd_engine *e)
    void pd_engine_reopen_access_log(pd_engine *e)
    void pd_engine_stats(pd_engine *e, pd_stats *out)
    bint pd_engine_can_spill(const pd_engine *e)

    enum pd_send:
        PD_SEND_OK
        PD_SEND_AGAIN
        PD_SEND_TOO_LONG
        PD_SEND_TOO_SHORT
        PD_SEND_GONE
        PD_SEND_BAD_HEAD

    enum pd_read:
        PD_READ_OK
        PD_READ_ERROR

    const pd_request *pd_exchange_request(const pd_exchange *x)
    pd_response *pd_exchange_response(pd_exchange *x)
    bint pd_exchange_head_sent(const pd_exchange *x)
    bint pd_exchange_is_http(const pd_exchange *x)
    const char *pd_exchange_protocol(const pd_exchange *x)
    unsigned pd_exchange_file_map(const pd_exchange *x)
    const char *pd_exchange_peer(const pd_exchange *x)
    bint pd_exchange_body_is_collected(pd_exchange *x)
    bint pd_exchange_body_is_in_memory(pd_exchange *x)
    pd_read pd_exchange_read(pd_thread *t, pd_exchange *x, char *dst, size_t n, size_t *got)
    const char *pd_exchange_body_error(pd_exchange *x)
    uint64_t pd_exchange_body_received(pd_exchange *x)
    void pd_exchange_enter(pd_exchange *x)
    void pd_exchange_leave(pd_exchange *x)
    pd_send pd_exchange_write(pd_exchange *x, pd_slice data, bint may_wait)
    pd_send pd_exchange_last(pd_thread *t, pd_exchange *x, pd_slice data, bint may_wait)
    pd_send pd_exchange_file(pd_thread *t, pd_exchange *x, int fd, uint64_t offset, uint64_t n)
    bint pd_exchange_early_hints(pd_exchange *x, pd_slice fields)
    void pd_exchange_fail(pd_thread *t, pd_exchange *x)
    bint pd_exchange_refuse_body(pd_thread *t, pd_exchange *x)
    bint pd_exchange_client_gone(pd_exchange *x)
    void pd_exchange_describe(const pd_exchange *x, char *dst, size_t n)


cdef extern from "engine/suspend.h" nogil:
    struct pd_wait_for:
        bint body
        int fd
        uint32_t events
        int64_t timeout_ns
        void *tag

    enum pd_suspend:
        PD_SUSPEND_OK
        PD_SUSPEND_OVER
        PD_SUSPEND_FULL

    enum pd_wait_end:
        PD_WAIT_READY
        PD_WAIT_TIMEOUT
        PD_WAIT_OVER

    pd_suspend pd_exchange_suspend(pd_thread *t, pd_exchange *x, const pd_wait_for *what)
    bint pd_exchange_was_suspended(const pd_exchange *x)
    void *pd_exchange_waited(const pd_exchange *x, pd_wait_end *end)
    void pd_exchange_overload(pd_thread *t, pd_exchange *x)


cdef extern from "engine/board.h" nogil:
    enum pd_slot_state:
        PD_SLOT_AWAY
        PD_SLOT_PAUSED
        PD_SLOT_ACCEPTS

    struct pd_slot:
        uint32_t pid
        uint32_t worker
        uint32_t state
        uint32_t threads
        uint32_t idle
        uint32_t running
        uint32_t ready
        uint32_t connections
        uint32_t busy
        uint32_t silent
        uint64_t requests
        uint64_t begun
        uint64_t refused
        uint64_t dropped
        uint64_t oldest_ms
        uint64_t last_ms
        uint64_t beats
        uint32_t suspended

    enum:
        PD_BOARD_VERSION

    struct pd_board:
        uint32_t slots
        uint32_t watcher
        pd_slot *slot

    size_t pd_board_size(size_t slots)
    void pd_board_init(pd_board *b, size_t slots)
    bint pd_board_is_one(const void *memory, size_t n)
    void pd_board_beat(pd_board *b, uint32_t slot)
    bint pd_board_silence(pd_board *b, uint32_t slot)
    void pd_board_clear(pd_board *b, uint32_t slot)


cdef extern from "engine/spread.h" nogil:
    struct pd_join:
        pd_board *board
        uint32_t slot
        uint32_t worker
        const int *wake_fds
        int receive_fd
        int send_fd

    bint pd_engine_join(pd_engine *e, const pd_join *join)
    void pd_engine_retire(pd_engine *e, uint64_t drain_ms)


cdef extern from "engine/cost.h" nogil:
    void pd_engine_keep_policies(pd_engine *e)


cdef extern from "engine/overdue.h" nogil:
    struct pd_overdue:
        void *tag
        uint64_t exchange_id
        const char *text

    void pd_thread_set_tag(pd_thread *t, void *tag)
    int pd_engine_overdue_fd(const pd_engine *e)
    bint pd_engine_overdue(pd_engine *e, size_t i, pd_overdue *out)
    void pd_engine_beat(pd_engine *e)


cdef extern from "conn/exchange.h" nogil:
    enum:
        PD_EXCHANGE_ID_SIZE
    void pd_exchange_id_put(const pd_exchange *x, char *dst)


cdef extern from "conn/page.h" nogil:
    enum pd_page_kind:
        PD_PAGE_HTML
    pd_page_kind pd_page_choose(pd_slice accept)


cdef extern from "conn/host.h" nogil:
    enum:
        PD_SEND_SMALL
