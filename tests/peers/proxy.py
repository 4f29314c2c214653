"""PROXY headers as a proxy writes them (proxy-protocol.txt)."""

from __future__ import annotations

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + bytes([0x20, 0, 0, 0])


def line(source: str, port: int, target: str = "127.0.0.1") -> bytes:
    """Version 1."""
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {'::1' if ':' in source else target} {port} 80\r\n".encode()


def binary(source: str, port: int, vectors: bytes = b"") -> bytes:
    """Version 2."""
    address = ipaddress.ip_address(source)
    target = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    addresses = address.packed + target.packed + struct.pack(">HH", port, 80) + vectors
    return SIGNATURE + struct.pack(">BBH", 0x21, 0x21 if address.version == 6 else 0x11, len(addresses)) + addresses
