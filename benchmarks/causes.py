"""Why targets are missed, or not shown by a noisy run: what was measured about them (ADR 0012 to 0015 say more)."""

APART = (
    "Cause: what Polydoor takes above the empty C server is, of some 2 µs, the application and the interpreter for "
    "5 500 of 15 600 instructions (ADR 0012); both make the same two system calls for a request, and so does FastPySGI."
)
EACH = (
    "Cause: a request has a connection, so the kernel takes most of the time of every server here. Polydoor makes one "
    "system call more than the empty C server for each five requests and runs 20 700 instructions, 5 500 of them the "
    "interpreter's and the application's; 1.2 × leaves room for about half of them. uWSGI writes no access log here."
)
ASLEEP = (
    "Cause: the client sleeps while all calls wait, so that each send() wakes its processor: 17 µs on the thread of "
    "the application, of 600 from call to call. granian sends from another thread, for a third more processor time "
    "(ADR 0013)."
)
COPIES = (
    "Cause: Polydoor and FastPySGI do the same here, one system call that takes the whole megabyte: 95 of 100 µs are "
    "the kernel's copy of it, and which of the two is ahead changes from run to run."
)
BATCHES = (
    "Cause: each answer is sent when it is ready, and wakes the client. bjoern and FastPySGI call the application for "
    "all connections that are ready, then send all answers: 7 µs less kernel time for a request, but the first answers "
    "come later. Tried and not kept, see ADR 0013. While a template computes for 1.6 ms the relief thread looks after "
    "the connections, which these do not: some 10 µs (ADR 0015)."
)
APACHE = (
    "Cause: Apache itself takes three quarters of the processor time of a request over AJP; with the empty C server "
    "behind it the whole is some 0.4 of mod_wsgi's."
)
READ_BACK = (
    "The C sink writes what it receives and is done when the body is in the file. Polydoor's application reads the "
    "body from the file, which the sink has nobody to do; but Polydoor writes whole steps of 256 KiB, which the kernel "
    "stores in larger pages. The other four sinks have framing to look at, or a connection for each request."
)
SHARED = (
    "Cause: the load needs one of the two cores to ask one process, so a second process takes from the load what it "
    "gains, and the ratio is mostly noise."
)
