// parallel [JOBS]: runs each line of its input as a shell command, so many at once; Ctrl-C ends them all.
#include <ramie/ramie.hpp>

#include <charconv>
#include <cstdio>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

// False if the command fails.
bool run_line(std::string const& line) {
    // Its own process group, so that Ctrl-C is ours to handle; and when this task is aborted, the child is killed.
    auto const done = ramie::command("/bin/sh").args({"-c", line}).own_process_group().kill_on_drop().output();
    if (!done) {
        std::fprintf(stderr, "%s: %s\n", line.c_str(), done.error().message().c_str());
        return false;
    }
    std::fputs(done->out.c_str(), stdout);
    std::fputs(done->err.c_str(), stderr);
    if (!done->status.success()) std::fprintf(stderr, "%s: %s\n", line.c_str(), to_string(done->status).c_str());
    return done->status.success();
}

// How many failed.
std::expected<int, std::error_code> run_all(std::size_t jobs) {
    auto input = ramie::stdin_stream();
    if (!input) return std::unexpected(input.error());
    ramie::buffered_reader lines(*input);
    ramie::semaphore slots(jobs);
    ramie::join_set<bool> running;
    std::string line;
    for (;;) {
        auto slot = slots.acquire();  // first, so that no more is read than can be run
        auto const more = lines.read_line(line);
        if (!more) return std::unexpected(more.error());
        if (!*more) break;
        running.spawn([line, held = std::move(slot)] { return run_line(line); });
    }
    int failed = 0;
    while (auto const ended = running.join_next()) failed += ended->value_or(false) ? 0 : 1;
    return failed;
}

}  // namespace

int main(int argc, char** argv) {
    std::string_view const text = argc > 1 ? argv[1] : "4";
    std::size_t jobs = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), jobs);
    if (argc > 2 || error != std::errc{} || end != text.data() + text.size() || jobs == 0) {
        std::fprintf(stderr, "usage: %s [JOBS]   (1 or more at once; the default is 4)\n", argv[0]);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line at once, also into a pipe
    return ramie::run([&] {
        ramie::signals end_requests{SIGINT, SIGTERM};
        auto all = ramie::spawn(run_all, jobs);
        int status = 0;
        ramie::select(ramie::on_join(all,
                                     [&](auto failed) {
                                         if (!failed || !*failed) std::fputs("the input cannot be read\n", stderr);
                                         status = failed && *failed && **failed == 0 ? 0 : 1;
                                     }),
                      ramie::on_signal(end_requests, [&](int number) {
                          (void)all.abort_and_join();  // and with it all that it runs
                          std::fprintf(stderr, "ended by signal %d\n", number);
                          status = 128 + number;
                      }));
        return status;
    });
}
