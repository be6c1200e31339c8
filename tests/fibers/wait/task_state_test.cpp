// The state word outside of any race (tests/model has the races): its text for messages, and what a breach of a
// transition's precondition says.
#include "child_process.hpp"

#include <ramie/detail/wait/task_state.hpp>

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <string>

using namespace ramie::testing;
using ramie::detail::task_state;
using enum task_state::phase;

namespace {

std::string text_of(task_state const& s) {
    std::array<char, 160> room;
    return s.look().text(room.data(), room.size());
}

}  // namespace

TEST_CASE("task_state: its snapshot in plain text, phase by phase") {
    task_state s(unstarted, true);
    CHECK(text_of(s) == "unstarted, has a handle, references: 0, wait 0");
    (void)s.start(true);
    CHECK(text_of(s) == "running, has a joiner, has a handle, references: 0, wait 0");
    s.add_ref();
    s.add_ref();
    (void)s.park(0, true);
    CHECK(text_of(s) == "parked, can be aborted, has a joiner, has a handle, references: 2, wait 0");
    (void)s.claim(0, task_state::outcome::deadline);
    CHECK(text_of(s) == "running, has a joiner, has a handle, references: 2, wait 1, last wait ended by its limit");
    (void)s.abort();
    (void)s.remove_joiner();
    (void)s.drop_handle();
    CHECK(text_of(s) == "running, is to stop, references: 2, wait 1, last wait ended by its limit");
    (void)s.finish(false, true);
    CHECK(text_of(s) == "finished, is to stop, tells its end, references: 2, wait 1, last wait ended by its limit");
    (void)s.told();
    (void)s.drop_ref();
    CHECK(text_of(s) == "finished, is to stop, references: 1, wait 1, last wait ended by its limit");
}

TEST_CASE("task_state: a text that does not fit is cut off") {
    std::array<char, 8> room;
    task_state const s(running);
    CHECK(s.look().text(room.data(), room.size()) == std::string("running"));
}

#if !defined(NDEBUG)

TEST_CASE("task_state: a breach of a transition's precondition ends the process and says what it found (forks)") {
    struct mistake {
        char const* says;
        std::function<void(task_state&)> make;
        task_state::phase at = running;
        bool handle = false;
    };
    for (auto const& m : {
             mistake{"add_ref() to a block that is free; the task is finished, references: 0",
                     [](task_state& s) { s.add_ref(); }, finished},
             {"drop_ref() without a reference; the task is running, references: 0", [](task_state& s) { (void)s.drop_ref(); }},
             {"release_handle() without one, or too early; the task is running, has a handle",
              [](task_state& s) { (void)s.release_handle(); }, running, true},
             {"park() of a waiter that does not run; the task is parked", [](task_state& s) { (void)s.park(0, false); }, parked},
             {"claim() of a wait that was not shown; the task is unstarted",
              [](task_state& s) { (void)s.claim(0, task_state::outcome::woken); }, unstarted},
             {"finish() of a task that does not run; the task is parked", [](task_state& s) { (void)s.finish(false); }, parked},
             {"told() without tell_end; the task is running", [](task_state& s) { (void)s.told(); }},
             {"remove_joiner() without one; the task is running", [](task_state& s) { (void)s.remove_joiner(); }},
             {"drop_handle() without one; the task is running", [](task_state& s) { (void)s.drop_handle(); }},
         }) {
        CAPTURE(std::string(m.says));
        auto const end = in_child([&] {
            task_state s(m.at, m.handle);
            m.make(s);
        });
        CHECK(end.killed_by(SIGABRT));
        CHECK_MESSAGE(end.said(("ramie: a mistake in the library: " + std::string(m.says)).c_str()), end.output);
    }
}

#endif
