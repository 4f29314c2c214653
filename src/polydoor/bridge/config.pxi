# config.pxi - settings as the core takes them.
RAW_PATH = 2  # of the option lighttpd
PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp", "auto")
PROFILES = {
    "generic": core.PD_PROFILE_GENERIC,
    "apache": core.PD_PROFILE_APACHE,
    "nginx": core.PD_PROFILE_NGINX,
    "lighttpd": core.PD_PROFILE_LIGHTTPD,
    "haproxy": core.PD_PROFILE_HAPROXY,
    "caddy": core.PD_PROFILE_CADDY,
}

FORWARDED = {
    "for": core.PD_FORWARDED_FOR,
    "proto": core.PD_FORWARDED_PROTO,
    "host": core.PD_FORWARDED_HOST,
    "port": core.PD_FORWARDED_PORT,
    "start": core.PD_FORWARDED_START,
    "rfc7239": (
        core.PD_FORWARDED_RFC7239 | core.PD_FORWARDED_FOR | core.PD_FORWARDED_PROTO | core.PD_FORWARDED_HOST
    ),
}

ACCESS_FORMS = {"short": core.PD_ACCESS_SHORT, "combined": core.PD_ACCESS_COMBINED, "json": core.PD_ACCESS_JSON}


cdef int fill_config(core.pd_config *config, object settings) except -1:
    config.limits.head = settings["head_limit"]
    config.limits.target = settings["target_limit"]
    config.limits.fields = settings["field_limit"]
    config.limits.body = settings["body_limit"]
    config.timeouts.head = settings["head_timeout"]
    config.timeouts.body = settings["body_timeout"]
    config.timeouts.idle = settings["idle_timeout"]
    config.timeouts.write = settings["write_timeout"]
    config.timeouts.queue = settings["queue_timeout"]
    config.timeouts.linger = settings["linger_timeout"]
    config.timeouts.request = settings["request_timeout"]
    config.timeouts.gil = settings["gil_timeout"]
    config.body_memory = settings["body_memory"]
    config.response_memory = settings["response_memory"]
    config.response_spill = settings["response_spill_limit"]
    config.message_buffer = settings["message_buffer"]
    config.message_burst = settings["message_burst"]
    config.ready_max = settings["queue_limit"]
    config.newest_first = settings["queue_order"] == "newest-first"
    config.late_is_504 = settings["queue_timeout_status"] == 504
    config.retry_ms = settings["retry_after"]
    config.conns_max = settings["max_connections"]
    config.suspended_max = settings["max_suspended"]
    config.forked = has_forked_flag
    config.resume_anywhere = settings["resume"] == "any"
    health = settings["health"].encode()
    if len(health) >= sizeof(config.health_path):
        raise ValueError("health is too long")
    memcpy(config.health_path, PyBytes_AS_STRING(health), len(health) + 1)
    return 0


cdef bytes pack_slice(bytes text):
    """A pd_slice of text that lives as long as it does."""
    cdef core.pd_slice s = bytes_slice(text)
    return (<char *>&s)[:sizeof(s)]


cdef bytes pack_rules(object allow):
    """The allowed networks as an array of pd_peer_rule."""
    cdef core.pd_peer_rule rule
    packed = []
    for text in allow:
        if not core.pd_peer_rule_parse(text.encode(), &rule):
            raise ValueError(f"{text!r} is not an address or network")
        packed.append((<char *>&rule)[:sizeof(rule)])
    return b"".join(packed)


cdef bytes pack_networks(object networks):
    """Networks as an array of pd_net."""
    cdef core.pd_net net
    packed = []
    for text in networks:
        data = text.encode()
        if not core.pd_net_parse(bytes_slice(data), &net):
            raise ValueError(f"{text!r} is not an address or network")
        packed.append((<char *>&net)[:sizeof(net)])
    return b"".join(packed)


cdef int fill_listener(core.pd_listener_config *config, core.pd_port *port, object spec, int backlog) except -1:
    protocol = spec["protocol"]
    kind = spec["kind"]
    config.kind = (
        core.PD_LISTENER_UNIX if kind == "unix" else core.PD_LISTENER_FD if kind == "fd" else core.PD_LISTENER_TCP
    )
    config.port = spec["port"]
    config.fd = spec["fd"]
    config.mode = spec["mode"]
    config.uid = <unsigned>(<long>spec["user"])
    config.gid = <unsigned>(<long>spec["group"])
    config.backlog = backlog
    config.is_gateway = protocol != "http"
    port.detect = protocol == "auto"
    if protocol in ("http", "auto"):
        port.codec = &core.pd_codec_http1
    elif protocol == "fastcgi":
        port.codec = &core.pd_codec_fastcgi
    elif protocol == "cgi":
        port.codec = &core.pd_codec_cgi
    elif protocol == "scgi":
        port.codec = &core.pd_codec_scgi
    elif protocol == "uwsgi":
        port.codec = &core.pd_codec_uwsgi
    else:
        port.codec = &core.pd_codec_ajp13
        config.lacks_secret = not spec["secret"]
    port.options.packet = spec["packet"]
    port.options.lighttpd = spec["lighttpd"] > 0
    port.options.raw_path = spec["lighttpd"] == RAW_PATH
    port.site.profile = PROFILES[spec["profile"]]
    port.site.trust_remote_user = bool(spec["trust_remote_user"])
    port.site.program = bool(spec["program"])
    port.site.forwarders.unix_peers = "unix" in spec["trust_forwarded"]
    for name in spec["forwarded"].split(","):
        port.site.forwarders.fields |= FORWARDED[name]
    port.proxied = bool(spec["proxy_protocol"])
    port.stream = bool(spec["stream"])
    port.serve_half_closed = spec["half_close"] == "serve"
    port.send_file = spec["sendfile"] == ["app"]
    return 0


def listener_secret(spec):
    """Read the secret that the listener asks for; OSError holds a readable message."""
    if not spec["secret"]:
        return b""
    from polydoor.settings.secret_source import read_secret

    try:
        return read_secret(spec["secret"])
    except ValueError as error:
        text = f"cannot read the secret of an {spec['protocol']} listener: {error}"
        raise OSError(f"{codes.CANNOT_AUTHENTICATE}: {text}\nSet the variable, or correct the file.") from None


def listener_url(protocol, name):
    """Write an address as the option takes it: `http://127.0.0.1:8000`, `scgi+unix:/run/shop.sock`."""
    if name.startswith("unix:"):
        return f"{protocol}+{name}"
    return f"{protocol}://{name}"


def is_of_request(bytes name):
    """Whether a variable of a process that a web server started for one request is about the request."""
    return bool(core.pd_policy_is_of_request(bytes_slice(name)))
