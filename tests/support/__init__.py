"""What the tests start and watch: the server as a process, its log, its memory."""
