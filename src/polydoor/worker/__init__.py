"""The process that serves: loads the application, runs the engine in threads, drains and ends."""
