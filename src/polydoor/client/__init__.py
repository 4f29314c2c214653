"""Asking a server, as `polydoor request` does: addresses, variables, sockets. No serving process imports this."""
