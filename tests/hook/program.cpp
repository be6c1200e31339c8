// The client's program, not linked with the hook:
//     hook-program plain         the client on the main thread
//     hook-program fibers        ten clients on the fibers of one worker; the hook, if any, is preloaded
//     hook-program interleaved   two fibers of one worker that wait for each other by plain calls: hangs without the
//                                hook
//     hook-program allocating    fibers, tasks that come and go, and threads, which do little but allocate
#include "client.h"

#include <ramie/hook.hpp>
#include <ramie/join_set.hpp>
#include <ramie/run_as_threads.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

std::string talk() {
    std::string text(8192, '\0');
    if (client_talk(text.data(), text.size()) == 0) return "too long\n";
    text.resize(std::strlen(text.c_str()));
    return text;
}

int on_fibers() {
    return ramie::run({.workers = 1}, [] {
        ramie::join_set<std::string> all;
        for (int i = 0; i < 10; ++i) all.spawn(talk);
        auto texts = all.join_all();
        for (auto const& each : texts) {
            if (each.value() != texts.front().value()) std::printf("they differ:\n%s", each.value().c_str());
        }
        std::fputs(texts.front().value().c_str(), stdout);
        return 0;
    });
}

int interleaved() {
    return ramie::run_as_threads({.workers = 1}, [] {
        int ends[2];
        (void)!::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
        auto reader = ramie::spawn([&] {
            char b = 0;
            return ::read(ends[0], &b, 1) == 1 && b == 'x';
        });
        ::usleep(1000);
        (void)!::write(ends[1], "x", 1);
        std::puts(reader.get() ? "read" : "not read");
        return 0;
    });
}

// Keeps some blocks and frees them late, in another order, and some blocks of other threads.
void allocate(std::atomic<char*>& shared, int rounds) {
    std::vector<std::unique_ptr<char[]>> kept;
    for (int i = 0; i < rounds; ++i) {
        kept.push_back(std::make_unique<char[]>(static_cast<std::size_t>(16 + i % 1000)));
        if (i % 7 == 0) kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(kept.size() / 2));
        if (kept.size() > 50) kept.clear();
        delete[] shared.exchange(new char[static_cast<std::size_t>(100 + i % 200)]);
    }
}

int allocating() {
    static std::atomic<char*> shared{nullptr};
    ramie::run_as_threads({.workers = 2}, [] {
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i) threads.emplace_back([] { allocate(shared, 30'000); });
        ramie::join_set<void> fibers;
        for (int i = 0; i < 20; ++i) {
            fibers.spawn([] {
                for (int round = 0; round < 20; ++round) {
                    allocate(shared, 50);
                    ramie::join_set<void> more;
                    for (int k = 0; k < 10; ++k) more.spawn([] { allocate(shared, 5); });
                    (void)more.join_all();
                    ::usleep(10);
                }
            });
        }
        (void)fibers.join_all();
        for (auto& each : threads) each.join();
    });
    std::puts("allocated");
    return 0;
}

}  // namespace

int main(int count, char** words) try {
    std::string const mode = count > 1 ? words[1] : "";
    if (mode == "fibers") return on_fibers();
    if (mode == "interleaved") return interleaved();
    if (mode == "allocating") return allocating();
    std::fputs(talk().c_str(), stdout);
} catch (std::exception const& e) {
    std::puts(e.what());
    return 1;
}
