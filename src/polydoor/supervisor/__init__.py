"""The supervisor: it starts, replaces and ends the workers of one service, and never loads the application.

`pool` decides, without a process, a clock or a descriptor; everything else here is its hands and eyes.
"""
