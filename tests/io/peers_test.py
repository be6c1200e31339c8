"""Our sockets against other programs': Python's, and netcat."""

import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from peer import Peer

PATIENCE_SECONDS = 20  # only so that no test hangs


def random_bytes(count):
    return random.Random(count).randbytes(count)


def receive_all(client):
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def echoed(client, message):
    """Sends and receives at once, since no program buffers that much."""
    client.settimeout(PATIENCE_SECONDS)
    answer = []
    reader = threading.Thread(target=lambda: answer.append(receive_all(client)))
    reader.start()
    client.sendall(message)
    client.shutdown(socket.SHUT_WR)
    reader.join()
    return answer[0]


def netcat(*arguments, message):
    if shutil.which("nc") is None:
        raise unittest.SkipTest("netcat is not installed (netcat-openbsd)")
    done = subprocess.run(["nc", *arguments], input=message, capture_output=True, timeout=PATIENCE_SECONDS)
    return done.stdout


class Directory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "socket")


class Tcp(unittest.TestCase):
    def test_python_gets_back_what_it_sent(self):
        with Peer("tcp", "127.0.0.1:0") as peer:
            for size in (1, 1000, 5_000_000):
                with socket.create_connection(("127.0.0.1", peer.port), PATIENCE_SECONDS) as client:
                    message = random_bytes(size)
                    self.assertEqual(echoed(client, message), message)
        self.assertEqual(peer.status, 0)

    def test_netcat_gets_back_what_it_sent(self):
        with Peer("tcp", "127.0.0.1:0") as peer:
            message = random_bytes(1_000_000)
            self.assertEqual(netcat("-N", "127.0.0.1", str(peer.port), message=message), message)
        self.assertEqual(peer.status, 0)

    def test_clients_that_reset_at_any_moment_do_not_hurt_the_next_one(self):
        with Peer("tcp", "127.0.0.1:0") as peer:
            for step in range(100):
                with socket.create_connection(("127.0.0.1", peer.port), PATIENCE_SECONDS) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if step % 2:
                        client.sendall(random_bytes(step * 1000))
                    if step % 3 == 0:
                        client.recv(1) if step % 2 else None
            with socket.create_connection(("127.0.0.1", peer.port), PATIENCE_SECONDS) as client:
                self.assertEqual(echoed(client, b"still there"), b"still there")
        self.assertEqual(peer.status, 0)

    def test_urgent_data_does_not_hide_what_follows(self):
        with Peer("tcp", "127.0.0.1:0") as peer:
            with socket.create_connection(("127.0.0.1", peer.port), PATIENCE_SECONDS) as client:
                for _ in range(20):
                    client.send(b"abc")
                    client.send(b"!", socket.MSG_OOB)
                    client.send(b"def")
                # Only the last one stays out of line; TCP has no room for more.
                self.assertEqual(echoed(client, b"").replace(b"!", b""), b"abcdef" * 20)

    def test_it_ends_with_its_input_while_clients_are_connected(self):
        with Peer("tcp", "127.0.0.1:0") as peer:
            client = socket.create_connection(("127.0.0.1", peer.port), PATIENCE_SECONDS)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        self.assertEqual(peer.status, 0)
        self.assertEqual(client.recv(1), b"")
        client.close()


class Unix(Directory):
    def test_python_gets_back_what_it_sent_by_path_and_abstract_name(self):
        name = f"ramie-peer-{os.getpid()}"
        for place, address in ((self.path, self.path), ("@" + name, "\0" + name)):
            with Peer("unix", place) as peer, socket.socket(socket.AF_UNIX) as client:
                self.assertEqual(peer.place, place)
                client.connect(address)
                message = random_bytes(3_000_000)
                self.assertEqual(echoed(client, message), message)
            self.assertEqual(peer.status, 0)

    def test_a_file_left_over_by_a_killed_server_is_replaced(self):
        with Peer("unix", self.path) as peer:
            peer.process.kill()
        self.assertTrue(os.path.exists(self.path))
        with Peer("unix", self.path) as peer:
            self.assertEqual(netcat("-N", "-U", self.path, message=b"again"), b"again")
        self.assertEqual(peer.status, 0)

    def test_descriptors_sent_to_a_server_that_only_reads_are_closed_there(self):
        with Peer("unix", self.path) as peer, socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            reading, writing = os.pipe()
            client.settimeout(PATIENCE_SECONDS)
            for _ in range(10):
                socket.send_fds(client, [b"abc"], [writing])
                client.sendall(b"def")
            os.close(writing)
            got = b""
            while len(got) < 60:
                got += client.recv(100)
            self.assertEqual(got, b"abcdef" * 10)
            self.assertEqual(os.read(reading, 1), b"")  # no writer is left anywhere
            os.close(reading)


class Datagrams(Directory):
    def test_python_gets_back_each_datagram_it_sent_over_udp(self):
        with Peer("udp", "127.0.0.1:0") as peer, socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(("127.0.0.1", peer.port))
            for size in (0, 1, 1000, 9000, 65507):
                message = random_bytes(size)
                client.send(message)
                self.assertEqual(client.recv(70_000), message)

    def test_netcat_gets_back_what_it_sent_over_udp(self):
        with Peer("udp", "127.0.0.1:0") as peer:
            self.assertEqual(netcat("-u", "-w", "1", "127.0.0.1", str(peer.port), message=b"datagram"), b"datagram")

    def test_a_sender_that_has_gone_does_not_stop_the_server(self):
        with Peer("udp", "127.0.0.1:0") as peer:
            for _ in range(50):
                with socket.socket(type=socket.SOCK_DGRAM) as gone:
                    gone.sendto(b"nobody waits for this", ("127.0.0.1", peer.port))
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE_SECONDS)
                client.sendto(b"still there", ("127.0.0.1", peer.port))
                self.assertEqual(client.recv(100), b"still there")

    def test_python_gets_back_each_datagram_it_sent_over_unix(self):
        with Peer("unix-datagram", self.path), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.bind(self.path + ".client")
            for size in (0, 1, 1000, 60_000):
                message = random_bytes(size)
                client.sendto(message, self.path)
                self.assertEqual(client.recv(70_000), message)


if __name__ == "__main__":
    unittest.main()
