// What is said when a primitive is destroyed while the task "waiter" waits on it.
#pragma once

#include "child_process.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <string>

namespace ramie::testing {

// `wait` is called by the task, in a child process.
template <class Primitive, class Wait>
void dies_when_destroyed(std::string const& kind, std::unique_ptr<Primitive> p, Wait wait) {
    auto const end = in_child([&] {
        one_thread_carrier carrier;
        ramie::spawn({.name = "waiter"}, [&] { wait(*p); }).detach();
        carrier.drain();
        p.reset();
    });
    CAPTURE(end.output);
    CHECK(end.killed_by(SIGABRT));
    CHECK(end.said(("a " + kind + " is destroyed while task").c_str()));
    CHECK(end.said("\"waiter\" waits on it"));
}

}  // namespace ramie::testing
