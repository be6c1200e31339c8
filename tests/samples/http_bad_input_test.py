"""What is not a proper request: it is refused, the connection is closed, and the server goes on."""

from http_port import HttpTest, on_every_port, request

NOT_HTTP = [
    b"\x16\x03\x01\x02\x00",
    b"\0" * 5000,
    b"GET\r\n\r\n",
    b"FOO / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9x\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
]


@on_every_port
class BadInput(HttpTest):
    def test_what_is_not_http_is_refused_and_the_connection_closed(self):
        for message in NOT_HTTP:
            everything = self.everything_said_to(message)
            self.assertTrue(everything.startswith(b"HTTP/1.1 400 "), (message[:40], everything))
            self.assertIn(b"Connection: close", everything)

    def test_what_came_before_is_still_answered(self):
        everything = self.everything_said_to(request("/") + b"nonsense\r\n\r\n")
        self.assertEqual((everything.count(b" 200 OK"), everything.count(b" 400 ")), (1, 1))

    def test_a_target_too_long_is_refused(self):
        self.assertIn(b" 414 ", self.everything_said_to(request("/" + "a" * 5000)))

    def test_headers_without_end_are_refused(self):
        connection = self.connect()
        connection.send(request("/", "A: " + "a" * 200000))
        # The server does not read on. Its answer may be lost in the reset that closing on unread bytes makes.
        self.assertIn(connection.rest()[:13], (b"HTTP/1.1 431 ", b""))

    def test_a_request_cut_short_is_not_answered(self):
        connection = self.connect()
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        connection.half_close()
        self.assertEqual(connection.rest(), b"")

    def test_a_client_that_says_nothing_is_let_go(self):
        connection = self.connect()
        connection.half_close()
        self.assertEqual(connection.rest(), b"")

    def test_a_client_that_half_closes_after_asking_is_answered(self):
        connection = self.connect()
        connection.send(request("/file?n=200000"))
        connection.half_close()
        self.assertEqual(len(connection.answer().body), 200000)
        self.assertEqual(connection.rest(), b"")

    def test_empty_lines_before_a_request_are_passed_over(self):
        self.assertEqual(self.answer_to(b"\r\n\r\n" + request("/")).status, 200)

    def test_the_server_goes_on_after_all_that(self):
        for message in NOT_HTTP * 20:
            self.connect().send(message)
        self.assertEqual(self.answer_to(request("/")).status, 200)
