"""tls_echo and tls_get, alone and with the openssl command as their peer."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from program import SAMPLES, Program, output_of

PATIENCE_SECONDS = 20  # only so that no test hangs


@unittest.skipUnless(os.path.exists(os.path.join(SAMPLES, "tls_echo")), "built without TLS")
@unittest.skipUnless(shutil.which("openssl"), "there is no openssl command")
class TlsSamples(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)

    def file(self, name):
        return os.path.join(self.place.name, name)

    def test_tls_echo_shows_what_the_ends_see_of_each_other(self):
        status, text, complaint = output_of("tls_echo")
        self.assertEqual(
            text,
            'localhost: TLSv1.3, echo, "hello" from CN=localhost, to the end\n'
            "127.0.0.1: the peer's certificate is for another host\n"
            "localhost: the peer's certificate is self-signed and not trusted\n",
        )
        self.assertEqual(status, 0)
        self.assertEqual(len(complaint.splitlines()), 2, complaint)  # the server heard of both refusals

    def test_openssl_talks_to_tls_echo(self):
        server = Program("tls_echo")
        self.addCleanup(server.end)
        with open(self.file("server.pem"), "w") as file:
            line = ""
            while "END CERTIFICATE" not in line:
                line = server.next_line()
                file.write(line + "\n")
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost",
             "-verify_hostname", "localhost", "-CAfile", self.file("server.pem"), "-verify_return_error"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        client.stdin.write(b"hello there\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), b"hello there\n")

    def test_tls_get_fetches_a_page_from_openssl(self):
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-keyout", self.file("key.pem"), "-out", self.file("cert.pem"), "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        self.assertEqual(made.returncode, 0, made.stderr)
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", self.file("cert.pem"), "-key",
             self.file("key.pem")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        port = None
        for line in server.stdout:
            if found := re.match(r"ACCEPT .*:([0-9]+)$", line):
                port = found[1]
                break
        self.assertIsNotNone(port)

        status, text, complaint = output_of("tls_get", "localhost", port, self.file("cert.pem"))
        self.assertIn("HTTP/1.0 200 ok", text)
        self.assertIn("CN=localhost", complaint)
        self.assertEqual(status, 0)
        status, text, complaint = output_of("tls_get", "localhost", port)
        self.assertEqual((status, text), (1, ""))
        self.assertIn("the peer's certificate is self-signed and not trusted", complaint)
        status, _, complaint = output_of("tls_get", "localhost", port, self.file("nowhere.pem"))
        self.assertEqual(status, 1)
        self.assertIn("No such file or directory", complaint)

    def test_tls_get_says_how_it_is_used(self):
        for arguments in ([], ["localhost"], ["localhost", "x"], ["localhost", "0"], ["localhost", "70000"]):
            status, _, complaint = output_of("tls_get", *arguments)
            self.assertEqual((status, complaint[:6]), (2, "usage:"), arguments)
