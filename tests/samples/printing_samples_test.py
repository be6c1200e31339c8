"""The samples that print something and end."""

import re
import unittest

from program import output_of


class PrintingSamples(unittest.TestCase):
    def test_hello_prints_two_greetings_and_a_failure(self):
        status, text, complaint = output_of("hello")
        text = re.sub("task [0-9]+", "task N", text)  # ids are given out as they come
        self.assertEqual(text, "hello, world\nhello, moon\ntask N ended by std::runtime_error: nobody home\n")
        self.assertEqual((status, complaint), (0, ""))

    def test_fan_out_gets_all_answers_but_those_of_the_hanging(self):
        self.assertEqual(output_of("fan_out"), (0, "990 answered, 10 were late and were aborted\n", ""))
