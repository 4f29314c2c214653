"""What each web server is told of a stub: an .htaccess for Apache, lines for the configuration of the others."""

from __future__ import annotations

import os

APACHE = """\
Options +ExecCGI
<Files "{name}">
    SetHandler cgi-script
</Files>
# Nobody gets these files, and nobody calls the program by its own name.
<FilesMatch "^\\.ht">
    Require all denied
</FilesMatch>
RewriteEngine On
RewriteRule "(^|/)\\.ht" - [F]
RewriteCond "%{{ENV:REDIRECT_STATUS}}" "=200"
RewriteRule "^{pattern}$" - [END]
RewriteRule "^{pattern}(/|$)" - [R=404,END]
{static}# Everything else is the application's. It takes the path from the request itself, so none is added here.
RewriteRule "^" "{name}" [L]
# Without this, Apache keeps the header Authorization to itself.
CGIPassAuth On
# Without this, Apache drops Content-Length, and a response that breaks off looks complete.
<IfModule mod_env.c>
    SetEnv ap_trust_cgilike_cl 1
</IfModule>
# Apache joins several Cookie headers with a comma, which no application takes apart.
<IfModule mod_headers.c>
    RequestHeader edit* Cookie ", " "; "
</IfModule>
"""

LIGHTTPD = """\
# Into the configuration of lighttpd, where the site is described:
server.modules += ( "mod_alias", "mod_cgi" )
server.http-parseopts += ( "url-normalize" => "disable" )
{static}{otherwise}$HTTP["url"] =^ "/" {{
    alias.url = ( "/" => "{stub}/" )
    cgi.assign = ( "{name}" => "" )
    # Each piece of a response goes on as it comes, and a client that leaves is noticed.
    server.stream-response-body = 2
}}
"""

NGINX = """\
# Into the server {{ }} of nginx, which starts no programs by itself: fcgiwrap does.
{static}location ~ "^/{pattern}(/|$)" {{ return 404; }}
location / {{
    fastcgi_pass unix:/run/fcgiwrap.socket;
    fastcgi_param SCRIPT_FILENAME "{stub}";
    fastcgi_param SCRIPT_NAME "/{name}";
    fastcgi_param GATEWAY_INTERFACE CGI/1.1;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
    fastcgi_param SERVER_PROTOCOL $server_protocol;
    fastcgi_param SERVER_NAME $server_name;
    fastcgi_param SERVER_PORT $server_port;
    fastcgi_param REMOTE_ADDR $remote_addr;
    fastcgi_param REMOTE_PORT $remote_port;
    fastcgi_param REQUEST_SCHEME $scheme;
    fastcgi_param HTTPS $https if_not_empty;
    client_max_body_size 1g;
}}
"""


def htaccess(name: str, static: tuple[str, ...]) -> str:
    """The .htaccess beside a stub."""
    rules = "".join(f'RewriteRule "^{_pattern(folder)}/" - [END]\n' for folder in static)
    return APACHE.format(name=name, pattern=_pattern(name), static=rules and f"# Files:\n{rules}")


def lighttpd(stub: str, static: tuple[str, ...]) -> str:
    """The lines for lighttpd."""
    folder, name = os.path.split(stub)
    blocks = [f'$HTTP["url"] =^ "/{each}/" {{ alias.url = ( "/{each}/" => "{folder}/{each}/" ) }}\n' for each in static]
    return LIGHTTPD.format(stub=stub, name=name, static="else ".join(blocks), otherwise="else " if blocks else "")


def nginx(stub: str, static: tuple[str, ...]) -> str:
    """The lines for nginx."""
    folder, name = os.path.split(stub)
    blocks = "".join(f'location /{each}/ {{ alias "{folder}/{each}/"; }}\n' for each in static)
    return NGINX.format(stub=stub, name=name, pattern=_pattern(name), static=blocks)


def _pattern(text: str) -> str:
    """A name of letters, digits and . _ - in a regular expression."""
    return text.replace(".", "\\.")
