"""The interface of flup 1.0.3: programs written for it run with the first words of their imports changed.

    from flup.server.fcgi import WSGIServer     ->  from polydoor.flup.fcgi import WSGIServer
    from flup.server.scgi import WSGIServer     ->  from polydoor.flup.scgi import WSGIServer

Names and defaults are flup's. What has no meaning here is accepted with one warning.
"""
