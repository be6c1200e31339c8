// Every call that the hook takes over and that may wait, each with an event to wait for. Used by coverage_test.cpp.
#pragma once

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <dlfcn.h>

namespace ramie::testing {

// One wait. A fiber makes `call`, which returns its error (0: none). A plain thread makes `end`, which ends the wait;
// null: only an abort ends it. Both functions own what they share.
struct waiting_scene {
    std::function<int()> call;
    std::function<void()> end;
};

struct covered_call {
    std::string name;  // with a condition, if the call waits only under it
    std::function<waiting_scene()> scene;
    // libc works on it in a thread that it makes for itself, unseen by TSan, which crashes when such a thread calls malloc.
    bool by_unseen_thread = false;
};

// How the scenes of all calls are made, by what the calls are about.
std::vector<covered_call> covered_descriptor_calls();
std::vector<covered_call> covered_file_calls();
std::vector<covered_call> covered_child_calls();
std::vector<covered_call> covered_message_calls();
std::vector<covered_call> covered_signal_calls();
std::vector<covered_call> covered_request_calls();

// A call by its name, for calls that headers do not declare, or declare differently.
template <class F>
F* named(char const* name) {
    auto* const found = ::dlsym(RTLD_DEFAULT, name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return reinterpret_cast<F*>(found);
}

// A call's result, as its error.
template <class Result>
int error_of(Result result) {
    return result < 0 ? errno : 0;
}

// For sleeps that say only that they ended early.
inline constexpr int ended_early = -1;

}  // namespace ramie::testing
