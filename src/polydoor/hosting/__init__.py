"""The Python half of the CGI stub `polydoor-cgi`: its configuration, the daemon that it starts, and setting it up."""
