"""The samples that print something and end."""

import re
import signal
import subprocess
import tempfile
import time
import unittest

from program import PR_SET_PDEATHSIG, libc, output_of, path_of


class PrintingSamples(unittest.TestCase):
    def test_hello_prints_two_greetings_and_a_failure(self):
        status, text, complaint = output_of("hello")
        text = re.sub("task [0-9]+", "task N", text)  # ids are given out as they come
        self.assertEqual(text, "hello, world\nhello, moon\ntask N ended by std::runtime_error: nobody home\n")
        self.assertEqual((status, complaint), (0, ""))

    def test_fan_out_gets_all_answers_but_those_of_the_hanging(self):
        self.assertEqual(output_of("fan_out"), (0, "990 answered, 10 were late and were aborted\n", ""))

    def test_worker_pool_counts_what_forty_jobs_found(self):
        # The primes below n, for n = 1000, 2000, ... 40000, by a sieve.
        sieve = [False, False] + [True] * 39998
        for n in range(2, 200):
            if sieve[n]:
                sieve[n * n :: n] = [False] * len(sieve[n * n :: n])
        total = sum(sum(sieve[: i * 1000]) for i in range(1, 41))
        self.assertEqual(output_of("worker_pool"), (0, f"40 jobs, 8 at a time: {total} primes in all\n", ""))

    def test_pipeline_passes_every_value_through_its_stages(self):
        digits = sum(len(str(i * i)) for i in range(1, 1001))
        self.assertEqual(output_of("pipeline"), (0, f"the squares of 1 to 1000 have {digits} digits\n", ""))

    def test_deadline_batch_aborts_what_is_late(self):
        self.assertEqual(output_of("deadline_batch"), (0, "15 of 20 done, the time is up\n5 aborted\n", ""))

    def test_local_tasks_counts_every_visit_without_a_lock(self):
        self.assertEqual(output_of("local_tasks"), (0, "/: 30\n/help: 10\n/news: 20\n", ""))

    def test_shared_state_takes_as_many_as_were_wanted(self):
        self.assertEqual(output_of("shared_state"), (0, "5 apples left\n", ""))

    def test_racing_mirrors_gives_the_loser_up_before_it_goes_on(self):
        self.assertEqual(output_of("racing_mirrors"), (0, "slow: given up\nfast was first\n", ""))

    def test_failures_are_told_apart_and_main_lives_on(self):
        self.assertEqual(
            output_of("failures"),
            (
                0,
                "the guard of throwing is destroyed\nstd::runtime_error: out of luck\n"
                "the guard of sleeping is destroyed\nsleeping was cancelled\nmain lives on\n",
                "",
            ),
        )

    def test_yielding_lets_the_other_task_in(self):
        self.assertEqual(
            output_of("yielding"), (0, "1000000 steps done; the other task ran in between: yes\n", "")
        )

    def test_dump_shows_readers_and_the_deadlock_and_goes_on(self):
        status, text, complaint = output_of("dump")
        self.assertIn('"reader": waits for channel receive', text)
        self.assertIn("and 999 others like it:", text)
        self.assertRegex(text, r'"root": runs on worker \d')
        circle = text[text.index("DEADLOCK"):]
        self.assertEqual(len(re.findall(r"\n  task \d+ waits for mutex 0x[0-9a-f]+, held by task \d+", circle)), 2)
        self.assertTrue(text.endswith("and the program goes on\n"))
        self.assertEqual((status, complaint), (0, ""))

    def test_dump_prints_another_one_for_sigquit(self):
        with tempfile.TemporaryFile("w+") as errors:
            program = subprocess.Popen([path_of("dump"), "3600"], stdout=subprocess.PIPE, stderr=errors, text=True,
                                       preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
            with program:
                while not program.stdout.readline().startswith("ramie: end of the dump"):
                    self.assertIsNone(program.poll())
                program.send_signal(signal.SIGQUIT)
                text = ""
                while "ramie: end of the dump" not in text:
                    self.assertIsNone(program.poll())
                    time.sleep(0.01)
                    errors.seek(0)
                    text = errors.read()
                program.kill()
        self.assertIn('"root": waits for sleep', text)
        self.assertIn("\nDEADLOCK: ", text)

    def test_periodic_beats_until_it_is_told_to_stop(self):
        status, text, complaint = output_of("periodic")
        lines = text.splitlines()
        self.assertEqual(lines[:5], [f"beat {i}" for i in range(1, 6)])
        # On a busy machine it may have beaten again before it heard.
        self.assertEqual(lines[5:-1], [f"beat {i}" for i in range(6, len(lines))])
        self.assertEqual((lines[-1], status, complaint), ("stopped", 0, ""))

    def test_detached_hears_of_results_and_of_their_absence(self):
        self.assertEqual(
            output_of("detached"),
            (0, "the answer is 49\nthe other one has gone without an answer\nnobody wanted this one\n", ""),
        )

    def test_udp_questions_asks_until_it_is_answered(self):
        self.assertEqual(
            output_of("udp_questions"),
            (0, "hello, moon (asked again and again)\nhello, world (asked again and again)\n", ""),
        )

    def test_replicated_log_loses_nothing_in_any_of_a_thousand_runs(self):
        self.assertEqual(
            output_of("replicated_log"), (0, "1000 runs, and nothing that was acknowledged is lost\n", "")
        )

    def test_replicated_log_with_its_bug_is_found_and_can_be_seen_again(self):
        status, text, complaint = output_of("replicated_log", "1000", "bug")
        self.assertEqual(status, 1)
        self.assertRegex(text, r"^found: entry \d+ was acknowledged and is lost\n$")
        self.assertRegex(complaint, r"ramie: to see it again: RAMIE_SIM_SEED=\d+:[\d,]*\n")

    def test_unix_handover_reads_from_the_pipe_it_was_handed(self):
        self.assertEqual(
            output_of("unix_handover"),
            (0, "here you are: 1 descriptor\nfor a friend in the same process\n", ""),
        )
