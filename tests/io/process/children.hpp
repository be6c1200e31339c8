// Shared by the tests of child processes.
#pragma once

#include "sockets.hpp"

#include <ramie/buffered_reader.hpp>
#include <ramie/command.hpp>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace ramie::testing {

inline command shell(std::string script) { return command("/bin/sh").args({"-c", std::move(script)}); }

inline std::string all_from(ramie::child_stdout& from) {
    std::string all;
    CHECK(ramie::buffered_reader(from).read_to_end(all).has_value());
    return all;
}

// The children of this process, zombies too.
inline std::size_t children() {
    std::size_t count = 0;
    for (auto const& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream list(thread.path() / "children");
        for (long pid = 0; list >> pid;) ++count;
    }
    return count;
}

bool comes_true(auto&& condition) {
    for (int i = 0; i < 20'000; ++i) {
        if (condition()) return true;
        ramie::this_fiber::sleep_for(1ms);
    }
    return false;
}

// Like on_each_runtime(); at the end no child may be left, nor a descriptor for one.
template <class F>
void on_each_runtime_without_traces(F const& f) {
    on_each_runtime([&f] {
        auto const before = open_descriptors();
        f();
        CHECK(comes_true([&] { return children() == 0 && open_descriptors() == before; }));
    });
}

inline bool is_running(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace ramie::testing
