// The client's program, not linked with the hook:
//     hook-program plain         the client on the main thread
//     hook-program fibers        ten of it on the fibers of one worker; is the hook there, it is preloaded
//     hook-program interleaved   two fibers of one worker that wait for each other by plain calls: without the hook it
//     hangs
#include "client.h"

#include <ramie/hook.hpp>
#include <ramie/join_set.hpp>
#include <ramie/run_as_threads.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

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

}  // namespace

int main(int count, char** words) try {
    std::string const mode = count > 1 ? words[1] : "";
    if (mode == "fibers") return on_fibers();
    if (mode == "interleaved") return interleaved();
    std::fputs(talk().c_str(), stdout);
} catch (std::exception const& e) {
    std::puts(e.what());
    return 1;
}
