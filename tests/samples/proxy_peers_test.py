"""proxy between real programs: redis-cli and redis-server, psql and PostgreSQL, curl and http_fibers."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from program import Program

PATIENCE_SECONDS = 60  # only so that no test hangs
POSTGRES = max(glob.glob("/usr/lib/postgresql/*/bin"), default="")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(*command, message=None):
    done = subprocess.run(command, input=message, capture_output=True, timeout=PATIENCE_SECONDS)
    return done.returncode, done.stdout, done.stderr


class ProxyPeers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, port, *command, **how):
        """A real server, until the end of the test."""
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, cwd=self.folder, **how)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        for _ in range(PATIENCE_SECONDS * 100):
            self.assertIsNone(server.poll(), f"{command[0]} did not start")
            try:
                return socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                time.sleep(0.01)
        self.fail(f"{command[0]} does not listen")

    def proxy_to(self, port):
        proxy = Program("proxy", "0", str(port))
        self.addCleanup(proxy.end)
        return str(proxy.port)

    @unittest.skipUnless(shutil.which("redis-server") and shutil.which("redis-cli"), "redis is not installed")
    def test_redis_cli_talks_to_redis(self):
        port = free_port()
        self.start(port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "")
        cli = ["redis-cli", "-p", self.proxy_to(port)]
        large = os.urandom(1_000_000).hex().encode()
        self.assertEqual(run(*cli, "-x", "set", "key", message=large), (0, b"OK\n", b""))
        self.assertEqual(run(*cli, "get", "key"), (0, large + b"\n", b""))
        many = b"".join(b"INCR counter\r\n" for _ in range(20_000))
        status, text, _ = run(*cli, "--pipe", message=many)
        self.assertEqual(status, 0)
        self.assertIn(b"errors: 0, replies: 20000", text)
        self.assertEqual(run(*cli, "get", "counter")[1], b"20000\n")

    @unittest.skipUnless(os.path.exists(POSTGRES) and shutil.which("psql"), "PostgreSQL is not installed")
    def test_psql_talks_to_postgresql(self):
        as_user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to be root
            who = pwd.getpwnam("postgres")
            os.chown(self.folder, who.pw_uid, who.pw_gid)
            as_user = {"user": who.pw_uid, "group": who.pw_gid}
        data, port = os.path.join(self.folder, "data"), free_port()
        subprocess.run([f"{POSTGRES}/initdb", "-A", "trust", "-U", "tester", "--no-sync", "-D", data], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder, timeout=PATIENCE_SECONDS, **as_user)
        self.start(port, f"{POSTGRES}/postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", self.folder,
                   "-F", **as_user)
        psql = ["psql", "-h", "127.0.0.1", "-p", self.proxy_to(port), "-U", "tester", "-d", "postgres", "-AtX", "-c"]
        for _ in range(PATIENCE_SECONDS * 10):  # it listens before it is ready
            if run(*psql, "select 1")[0] == 0:
                break
            time.sleep(0.1)
        self.assertEqual(run(*psql, "select sum(n) from generate_series(1, 1000) n"), (0, b"500500\n", b""))
        self.assertEqual(run(*psql, "create table t (line text)")[0], 0)
        lines = b"".join(b"%d\n" % n for n in range(100_000))
        self.assertEqual(run(*psql, "copy t from stdin", message=lines), (0, b"COPY 100000\n", b""))
        self.assertEqual(run(*psql, "copy t to stdout")[1], lines)

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl_fetches_from_http_fibers(self):
        server = Program("http_fibers")
        self.addCleanup(server.end)
        url = f"http://127.0.0.1:{self.proxy_to(server.port)}/file?n="
        status, body, _ = run("curl", "-sS", "--fail", "--max-time", "30", f"{url}100000", f"{url}200000")
        self.assertEqual((status, len(body)), (0, 300_000))
