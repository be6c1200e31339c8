"""The servers that are ported from Debian's sources: how each is compiled, started, and talked to."""

import pathlib

TINYPROXY_CONFIG = "\n".join(f"#define {name} 1" for name in (
    "FILTER_ENABLE", "REVERSE_SUPPORT", "TRANSPARENT_PROXY", "UPSTREAM_SUPPORT", "XTINYPROXY_ENABLE", "HAVE_ALLOCA_H",
    "HAVE_INTTYPES_H", "HAVE_MALLOC_H", "HAVE_MEMORY_H", "HAVE_POLL_H", "HAVE_SETGROUPS", "HAVE_STDINT_H", "HAVE_STDLIB_H",
    "HAVE_STRINGS_H", "HAVE_STRING_H", "HAVE_SYSEXITS_H", "HAVE_SYS_IOCTL_H", "HAVE_SYS_STAT_H", "HAVE_SYS_TYPES_H",
    "HAVE_SYS_WAIT_H", "HAVE_UNISTD_H", "HAVE_VALUES_H", "STDC_HEADERS", "TIME_WITH_SYS_TIME")) + """
#define PACKAGE "tinyproxy"
#define VERSION "sample"
#define TINYPROXY_VERSION VERSION
#define TINYPROXY_STATHOST "tinyproxy.stats"
#define PACKAGE_NAME PACKAGE
"""


class Tunnels:
    """A server that is asked for a way to an echo server: each connection is two for it."""
    needs_echo = True

    async def converse(self, reader, writer, text):
        writer.write(text)
        return await reader.readexactly(len(text)) == text


class Microsocks(Tunnels):
    name = "microsocks"
    flags = ()

    def prepare(self, source):
        return sorted(source.glob("*.c"))

    def arguments(self, port, connections, place):
        return ["-i", "127.0.0.1", "-p", str(port)]

    async def open(self, reader, writer, echo_port):
        writer.write(b"\5\1\0")  # version 5, one way to prove who one is: none
        if await reader.readexactly(2) != b"\5\0":
            return False
        writer.write(b"\5\1\0\1" + bytes((127, 0, 0, 1)) + echo_port.to_bytes(2, "big"))
        return (await reader.readexactly(10))[:2] == b"\5\0"


class Tinyproxy(Tunnels):
    name = "tinyproxy"
    flags = ("-DNDEBUG", "-DHAVE_CONFIG_H", "-I.", '-DSYSCONFDIR="/nonexistent"', '-DLOCALSTATEDIR="/nonexistent"')

    def prepare(self, source):
        (source / "config.h").write_text(TINYPROXY_CONFIG)
        return sorted(source.glob("src/*.c"))

    def arguments(self, port, connections, place):
        file = pathlib.Path(place) / f"tinyproxy-{port}.conf"
        file.write_text(f'Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients {connections + 10}\nLogLevel Critical\n')
        return ["-d", "-c", str(file)]

    async def open(self, reader, writer, echo_port):
        writer.write(f"CONNECT 127.0.0.1:{echo_port} HTTP/1.0\r\n\r\n".encode())
        return b" 200 " in (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]


class Civetweb:
    name = "civetweb"
    flags = ("-DNO_SSL", "-DNO_CGI", "-Iinclude")
    needs_echo = False

    def prepare(self, source):
        return [source / "src" / "civetweb.c", source / "src" / "main.c"]

    def arguments(self, port, connections, place):
        root = pathlib.Path(place) / "civetweb"
        root.mkdir(exist_ok=True)
        (root / "index.html").write_text("hello\n")
        return ["-listening_ports", f"127.0.0.1:{port}", "-num_threads", str(connections), "-document_root", str(root),
                "-enable_keep_alive", "yes", "-keep_alive_timeout_ms", "600000", "-request_timeout_ms", "600000",
                "-listen_backlog", "1000"]

    async def open(self, reader, writer, echo_port):
        return await self.converse(reader, writer, b"")

    async def converse(self, reader, writer, text):
        writer.write(b"GET /index.html HTTP/1.1\r\nHost: here\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        return b" 200 " in head.split(b"\r\n")[0] and await reader.readexactly(6) == b"hello\n"


SERVERS = {each.name: each for each in (Microsocks(), Tinyproxy(), Civetweb())}
