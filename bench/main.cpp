// ramie-bench WORKLOAD WORKERS [N] -> ramie <workload> <workers> <figure> <unit>
#include "workload.hpp"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>

namespace bench {

std::vector<workload> const& workloads() {
    static std::vector<workload> const all{
        {"switch", "two contexts jump to and fro, no scheduler", 20'000'000, run_switch},
        {"yield", "two tasks on one worker, each yields N/2 times", 10'000'000, run_yield},
        {"spawn_join", "a task spawns an empty task and joins it, N times", 1'000'000, run_spawn_join},
        {"spawn_batch", "N empty tasks, spawned and joined in batches of 1000", 2'000'000, run_spawn_batch},
        {"skynet", "a 10-ary tree of tasks with N leaves", 1'000'000, run_skynet},
        {"fib", "fib(N), a task per call, no cut-off", 27, run_fib},
        {"pingpong", "a token through two channels of capacity 1, N round trips", 1'000'000, run_pingpong},
        {"mpmc", "4 producers, 4 consumers, one channel of capacity 1024, N messages", 4'000'000, run_mpmc},
        {"cold_wake", "N tasks wait in one channel; each gets a message, one after the other", 10'000, run_cold_wake},
        {"mutex", "1000 tasks, each N times: lock, increment, unlock, yield", 1000, run_mutex},
        {"parked", "resident bytes of each of N parked tasks", 1'000'000, run_parked},
        {"unstarted", "resident bytes of each of N tasks that have not started", 1'000'000, run_unstarted},
        {"sleep", "N tasks, task i sleeps (i mod 1000) ms", 1'000'000, run_sleep},
        {"timeout_storm", "a 1 h timeout around an operation that is ready, N times", 5'000'000, run_timeout_storm},
        {"abort", "N tasks sleep 1 h; abort and join each", 100'000, run_abort},
        {"blocking", "N jobs through spawn_blocking, 64 in flight", 200'000, run_blocking},
        {"echo", "a TCP echo server on 127.0.0.1, port N, until SIGTERM", 7777, run_echo},
        {"http", "an HTTP/1.1 keep-alive \"hello\" server on 127.0.0.1, port N, until SIGTERM", 8080, run_http},
    };
    return all;
}

}  // namespace bench

namespace {

int usage(std::FILE* out, int status) {
    std::fprintf(out, "ramie-bench [--json] WORKLOAD WORKERS [N]\nramie-bench --list\n");
    return status;
}

// Between least and most, or a message and false.
bool number(char const* what, std::string_view text, std::uint64_t least, std::uint64_t most, std::uint64_t& out) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc() && end == text.data() + text.size() && out >= least && out <= most) return true;
    std::fprintf(stderr, "ramie-bench: %s is \"%.*s\"; accepted are %llu to %llu\n", what, static_cast<int>(text.size()),
                 text.data(), static_cast<unsigned long long>(least), static_cast<unsigned long long>(most));
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    int at = 1;
    if (at < argc && std::strcmp(argv[at], "--json") == 0) json = true, ++at;
    if (at < argc && std::strcmp(argv[at], "--list") == 0) {
        for (auto const& w : bench::workloads())
            std::printf("%-14s %s (default N: %llu)\n", w.name, w.what, static_cast<unsigned long long>(w.default_n));
        return 0;
    }
    if (at < argc && std::strcmp(argv[at], "--help") == 0) return usage(stdout, 0);
    if (argc - at < 2 || argc - at > 3) return usage(stderr, 2);
    std::uint64_t workers = 0;
    if (!number("WORKERS", argv[at + 1], 1, 1024, workers)) return 2;
    for (auto const& w : bench::workloads()) {
        if (std::string_view(w.name) != argv[at]) continue;
        auto n = w.default_n;
        if (argc - at == 3 && !number("N", argv[at + 2], 1, 1'000'000'000'000, n)) return 2;
        try {
            for (auto const& f : w.run(static_cast<unsigned>(workers), n)) {
                if (json)
                    std::printf("{\"system\":\"ramie\",\"workload\":\"%s\",\"workers\":%llu,\"n\":%llu,\"figure\":%.6g,"
                                "\"unit\":\"%s\"}\n",
                                f.name.c_str(), static_cast<unsigned long long>(workers),
                                static_cast<unsigned long long>(n), f.value, f.unit);
                else
                    std::printf("ramie %s %llu %.6g %s\n", f.name.c_str(), static_cast<unsigned long long>(workers),
                                f.value, f.unit);
            }
        } catch (std::exception const& e) {
            std::fprintf(stderr, "ramie-bench: %s: %s\n", w.name, e.what());
            return 1;
        }
        return 0;
    }
    std::fprintf(stderr, "ramie-bench: there is no workload \"%s\"; --list names them\n", argv[at]);
    return 2;
}
