// What the programs here share. Each runs a client library as it is, with calls that block, in many fibers at once
// against a real server on loopback, prints a line for each round, and exits with 0 if every call went well.
#pragma once

#include "fan_out.hpp"
#include "real_server.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace library_run {

inline constexpr int no_server = 77;  // as automake's tests say "skipped"

// A server on a port of its own, with a folder of its own.
class server {
  public:
    // command(port, folder) says how it is started.
    template <class Command>
    explicit server(Command&& command) {
        auto const log = home_.path("log");
        process_ = std::make_unique<real_server::process>(command(port_, home_), log);
        real_server::wait_until_listening(*process_, port_, log);
    }
    int port() const { return port_; }
    real_server::folder const& home() const { return home_; }

  private:
    real_server::folder const home_{};
    std::uint16_t const port_ = real_server::free_port();
    std::unique_ptr<real_server::process> process_;
};

// Runs a program to its end; throws, with what it wrote, if it fails.
inline void run_first(real_server::folder const& home, std::vector<std::string> const& command) {
    auto const log = home.path("first.log");
    if (real_server::process(command, log).wait() != 0)
        throw std::runtime_error(command[0] + " failed:\n" + real_server::content_of(log));
}

// `rounds` is called in a fiber and says whether all went well.
template <class Rounds>
int main(std::vector<char const*> const& programs, Rounds rounds) try {
    for (auto const* const name : programs) {
        if (!real_server::find_program(name).empty()) continue;
        std::printf("skipped: there is no %s here\n", name);
        return no_server;
    }
    return rounds() ? 0 : 1;
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}

// One round: job(0) ... job(count - 1), each in its fiber.
template <class Job>
bool round(char const* what, std::size_t count, Job job) {
    auto const report = fan_out(count, job);
    report.print(what);
    return report.good == report.jobs;
}

inline bool complain(char const* call, char const* why) {
    std::fprintf(stderr, "%s: %s\n", call, why);
    return false;
}

}  // namespace library_run
