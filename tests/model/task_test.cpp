// A task's stop_token and an abort, whichever comes first: the token is requested in the end, and its source is seen whole.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/task/task.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::task;

namespace {

// It is running, and nothing runs.
struct running_task final : task {
    running_task() : task(&ops, std::source_location::current()) { (void)state.start(); }
    static constexpr ramie::detail::task_ops ops{nullptr, nullptr, nullptr, nullptr, nullptr};
};

}  // namespace

TEST_CASE("model: task: a stop_token made before, at or after an abort is requested") {
    check({3, 2}, [] {
        auto t = std::make_shared<running_task>();
        thread([=] { (void)t->stop_token(); });
        thread([=] { t->abort(); });
        finally([=] { require(t->stop_token().stop_requested(), "the abort did not come to the token"); });
    });
}

// As the end of a runtime does it: all are marked first, and told after that.
TEST_CASE("model: task: a stop_token made before, at or after the mark of a runtime's end is requested") {
    check({3, 2}, [] {
        auto t = std::make_shared<running_task>();
        thread([=] { (void)t->stop_token(); });
        thread([=] {
            if (t->mark_aborted()) t->request_stop();
        });
        finally([=] { require(t->stop_token().stop_requested(), "the abort did not come to the token"); });
    });
}

TEST_CASE("model: task: two threads that ask for the first stop_token have the same one") {
    check({3, 2}, [] {
        auto t = std::make_shared<running_task>();
        auto tokens = std::make_shared<std::stop_token[]>(2);
        for (std::size_t i = 0; i < 2; ++i) thread([=] { tokens[i] = t->stop_token(); });
        finally([=] { require(tokens[0] == tokens[1], "two sources"); });
    });
}
