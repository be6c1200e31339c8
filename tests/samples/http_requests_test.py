"""One request at a time: what each of the HTTP servers answers, and whether it keeps the connection."""

from http_port import HttpTest, on_every_port, request

HELLO = b"Hello, world!\n"
EXPECTED_STATUS = {
    "/": 200,
    "/?q": 200,
    "/nowhere": 404,
    "http://localhost/file?n=3": 200,
    "/file?n=0": 200,
    "/file?a=1&n=5": 200,
    "/file?&&n=7": 200,
    "/file": 400,
    "/file?n=": 400,
    "/file?n=-1": 400,
    "/file?n=12x": 400,
    "/file?n=67108865": 400,
    "/file?n=99999999999999999999": 400,
    "/sleep?ms=0": 200,
    "/sleep?ms=10001": 400,
    "/cpu?us=1000": 200,
    "/cpu?us=1000001": 400,
}


@on_every_port
class Requests(HttpTest):
    def test_the_root_says_hello_and_keeps_the_connection(self):
        answer = self.answer_to(request("/"))
        self.assertEqual((answer.status, answer.body, answer.headers["connection"]), (200, HELLO, "keep-alive"))

    def test_each_target_has_its_status(self):
        connection = self.connect()
        actual = {}
        for target in EXPECTED_STATUS:
            connection.send(request(target))
            actual[target] = connection.answer().status
        self.assertEqual(actual, EXPECTED_STATUS)

    def test_a_client_may_ask_for_the_connection_to_be_closed(self):
        everything = self.everything_said_to(request("/", "Connection: close"))
        self.assertIn(b"Connection: close", everything)
        self.assertTrue(everything.endswith(HELLO))

    def test_http_1_0_closes_by_itself(self):
        everything = self.everything_said_to(request("/", version="1.0"))
        self.assertIn(b"Connection: close", everything)
        self.assertTrue(everything.endswith(HELLO))

    def test_http_1_0_stays_open_when_asked_to(self):
        connection = self.connect()
        for _ in range(3):
            connection.send(request("/", "Connection: keep-alive", version="1.0"))
            self.assertEqual(connection.answer().headers["connection"], "keep-alive")

    def test_head_has_the_length_but_not_the_body(self):
        connection = self.connect()
        connection.send(request("/file?n=100000", method="HEAD") + request("/"))
        self.assertEqual(connection.answer(has_body=False).headers["content-length"], "100000")
        self.assertEqual(connection.answer().body, HELLO)

    def test_post_is_refused_and_its_body_skipped(self):
        connection = self.connect()
        connection.send(request("/", "Content-Length: 300000", method="POST", body=b"z" * 300000) + request("/"))
        refusal = connection.answer()
        self.assertEqual((refusal.status, refusal.headers["allow"]), (405, "GET, HEAD"))
        self.assertEqual(connection.answer().body, HELLO)

    def test_a_chunked_body_is_skipped(self):
        connection = self.connect()
        connection.send(request("/", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n") + request("/nowhere"))
        self.assertEqual([connection.answer().status for _ in range(2)], [200, 404])

    def test_an_offer_to_change_the_protocol_is_passed_over(self):
        connection = self.connect()
        connection.send(request("/", "Connection: Upgrade", "Upgrade: h2c") + request("/"))
        self.assertEqual([connection.answer().status for _ in range(2)], [200, 200])

    def test_a_large_file_arrives_whole(self):
        answer = self.answer_to(request("/file?n=67108864"))
        self.assertEqual((len(answer.body), answer.body.strip(b"x")), (67108864, b""))


@on_every_port
class ExpectContinue(HttpTest):
    """A client that announces its body and waits to be asked for it."""

    announcement = request("/", "Expect: 100-continue", "Content-Length: 3", method="POST")

    def test_the_body_is_asked_for(self):
        connection = self.connect()
        connection.send(self.announcement)
        self.assertEqual(connection.answer().status, 100)
        connection.send(b"abc")
        self.assertEqual(connection.answer().status, 405)

    def test_a_body_that_was_not_held_back_is_fine(self):
        connection = self.connect()
        connection.send(self.announcement + b"abc" + request("/"))
        self.assertEqual([connection.answer().status for _ in range(3)], [100, 405, 200])

    def test_the_asking_comes_after_the_answers_before_it(self):
        connection = self.connect()
        connection.send(request("/file?n=200000") + self.announcement)
        self.assertEqual(len(connection.answer().body), 200000)
        self.assertEqual(connection.answer().status, 100)
        connection.send(b"abc")
        self.assertEqual(connection.answer().status, 405)
