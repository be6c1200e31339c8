// The main fiber's calls and signal handlers: each call that waits is made by a plain thread, where the kernel decides, and by
// the first fiber of run_as_threads; a handler runs meanwhile, with and without SA_RESTART; both shall end alike.
#include "covered_calls.hpp"
#include "handled_signals.hpp"
#include "plain_fds.hpp"
#include "porting_table.hpp"

#include <ramie/run_as_threads.hpp>

#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <set>
#include <thread>

#include <semaphore.h>

using namespace ramie::testing;

namespace {

std::string text_of(int error) {
    if (error == 0) return "ends";
    if (error == ended_early) return "ends early";
    return ::strerrorname_np(error);
}

constexpr auto small = [] { return ramie::runtime_options{.max_blocking_threads = 4, .current_thread = true}; };

// What the call does if signals come: by the kernel. (Some scenes need a runtime.)
std::string on_a_thread(covered_call const& call, int flags, int most_tries) {
    prepared_signals::interrupt_by(flags);
    return ramie::run(small(), [&]() -> std::string {
        auto const scene = call.scene();
        std::atomic<bool> ended{false};
        int error = 0;
        std::thread waiting([&] {
            error = scene.call();
            ended = true;
        });
        for (int i = 0; i < most_tries && !ended; ++i) {
            ramie::this_fiber::sleep_for(1ms);
            ::pthread_kill(waiting.native_handle(), SIGUSR1);
        }
        for (int i = 0; i < 5 && !ended; ++i) ramie::this_fiber::sleep_for(1ms);
        bool const goes_on = !ended;
        if (goes_on && scene.end) std::thread(scene.end).join();
        for (; goes_on && !scene.end && !ended; ramie::this_fiber::sleep_for(1ms)) ::pthread_kill(waiting.native_handle(), SIGUSR1);
        waiting.join();
        return goes_on ? "goes on" : text_of(error);
    });
}

// By the main fiber.
std::string at_main(covered_call const& call, int flags, int most_tries) {
    prepared_signals::interrupt_by(flags);
    std::string said;
    ramie::run_as_threads(small(), [&] {
        auto const scene = call.scene();
        std::atomic<bool> ended{false};
        std::thread ender;
        bool goes_on = false;
        auto signals = ramie::spawn([&] {
            for (int i = 0; i < most_tries && !ended; ++i) {
                ramie::this_fiber::sleep_for(1ms);
                ::kill(::getpid(), SIGUSR1);
            }
            for (int i = 0; i < 5 && !ended; ++i) ramie::this_fiber::sleep_for(1ms);
            goes_on = !ended;
            if (goes_on && scene.end) ender = std::thread(scene.end);
            for (; goes_on && !scene.end && !ended; ramie::this_fiber::sleep_for(1ms)) ::kill(::getpid(), SIGUSR1);
        });
        auto const error = scene.call();
        ended = true;
        (void)signals.join();
        if (ender.joinable()) ender.join();
        said = goes_on ? "goes on" : text_of(error);
    });
    return said;
}

std::vector<covered_call> all_calls() {
    std::vector<covered_call> all;
    for (auto const& each :
         {covered_descriptor_calls, covered_file_calls, covered_child_calls, covered_message_calls, covered_signal_calls}) {
        auto some = each();
        all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    return all;
}

// Calls that are not in docs/porting.md's first table.
std::vector<covered_call> more_calls() {
    std::vector<covered_call> all;
    for (bool const is_timed : {false, true})
        all.push_back({is_timed ? "sem_timedwait" : "sem_wait", [=] {
                           auto const semaphore = std::make_shared<sem_t>();
                           ::sem_init(semaphore.get(), 0, 0);
                           return waiting_scene{[=] {
                                                    timespec until{};
                                                    ::clock_gettime(CLOCK_REALTIME, &until);
                                                    until.tv_sec += 60;
                                                    return error_of(is_timed ? ::sem_timedwait(semaphore.get(), &until)
                                                                             : ::sem_wait(semaphore.get()));
                                                },
                                                [=] { ::sem_post(semaphore.get()); }};
                       }});
    all.push_back({"fgetc", [] {
                       struct piped_file {
                           two_fds ends = pipe_pair();
                           FILE* const file = ::fdopen(ends.here, "r");
                           ~piped_file() { ::fclose(file), ends.here = -1; }
                       };
                       auto const pipe = std::make_shared<piped_file>();
                       return waiting_scene{[=] { return ::fgetc(pipe->file) == EOF ? errno : 0; },
                                            [=] { (void)!::write(pipe->ends.there, "x", 1); }};
                   }});
    all.push_back({"recv with a time limit", [] {
                       struct sockets {
                           two_fds ends = socket_pair();
                       };
                       auto const all_of = std::make_shared<sockets>();
                       auto const ends = std::shared_ptr<two_fds>(all_of, &all_of->ends);
                       timeval const limit{60, 0};
                       ::setsockopt(ends->here, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
                       return waiting_scene{[=] {
                                                char b;
                                                return error_of(::recv(ends->here, &b, 1, 0));
                                            },
                                            [=] { (void)!::write(ends->there, "x", 1); }};
                   }});
    return all;
}

}  // namespace

TEST_CASE("hook: a handler ends the main fiber's calls as the kernel ends a thread's") {
    prepared_signals const signals;
    // The scene waits after a part, with which a call ends after any handler; the table speaks of calls that have none yet.
    std::set<std::string> const has_part = {"sendfile"};
    // The scene has a time limit, with which the kernel does not restart; the table speaks of calls without one.
    std::set<std::string> const has_limit = {"connect"};
    auto const table = porting_table();
    auto calls = all_calls();
    for (auto& each : more_calls()) calls.push_back(std::move(each));
    for (auto const& call : calls) {
        // Second names lead to the same functions.
        if (call.by_unseen_thread || call.name.starts_with("__") || call.name.ends_with("64")) continue;
        std::string ended;
        for (int const flags : {0, SA_RESTART}) {
            CAPTURE(call.name);
            CAPTURE(flags);
            std::string kernels, ours;
            // On a busy machine a call may begin after the last of a few signals.
            for (int const tries : {4, 40, 400}) {
                kernels = on_a_thread(call, flags, tries);
                ours = at_main(call, flags, tries);
                if (ours == kernels) break;
            }
            CHECK(ours == kernels);
            ended += (ended.empty() ? "" : ", ") + ours;
        }
        // Also "ends early" of a sleep, and "ends" of a call that has no other end.
        auto const word = ended == "goes on, goes on" ? "goes on" : ended == "EINTR, goes on" ? "EINTR, restarts" : "EINTR";
        if (has_part.count(call.name) + has_limit.count(call.name) > 0) continue;
        if (auto const said = table.find(call.name); said != table.end() && said->second.how != "in place")
            CHECK_MESSAGE(said->second.main == word, call.name << ": " << word);
    }
}
