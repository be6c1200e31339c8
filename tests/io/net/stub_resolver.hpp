// A DNS server with the answers that a test wants, in a network and with an /etc of its own. For a forked child that
// does nothing else.
#pragma once

#include "child_process.hpp"
#include "temp_directory.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ramie::testing {

// Gives this process a network with only a loopback, and in /etc the files of that directory. False: not permitted.
inline bool move_into_own_network(std::string const& etc) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
        return false;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    for (std::string const name : {"resolv.conf", "nsswitch.conf"}) {
        if (::mount((etc + '/' + name).c_str(), ("/etc/" + name).c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
    }
    int const any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{.ifr_ifrn = {"lo"}, .ifr_ifru = {}};
    loopback.ifr_flags = IFF_UP;
    return any >= 0 && ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
}

// Answers by the first letter of the name asked for; until the process ends.
class stub_resolver {
  public:
    // The codes of RFC 1035. `only_v4`, `only_v6`: this machine, and no answer for the other family.
    enum answer {
        found = 0,
        broken = 2,
        no_such_name = 3,
        refused = 5,
        nothing_of_that_kind,
        silence,
        only_v4,
        only_v6
    };

    explicit stub_resolver(std::vector<std::pair<char, answer>> answers) : answers_(std::move(answers)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(53);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
            std::perror("the stub resolver");
            std::exit(1);
        }
        std::thread([this] { serve(); }).detach();
    }

    // How many questions came.
    int asked() const { return asked_; }

  private:
    void serve() {
        for (;;) {
            std::string question(512, '\0');
            sockaddr_in from{};
            socklen_t size = sizeof from;
            auto const got =
                ::recvfrom(fd_, question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 18) continue;
            question.resize(static_cast<std::size_t>(got));
            ++asked_;
            auto const text = answer_to(question);
            if (!text.empty()) ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }

    std::string answer_to(std::string const& question) const {
        auto const end_of_name = question.find('\0', 12);
        auto const is_for_v4 = question.at(end_of_name + 2) == 1;
        for (auto const& [letter, what] : answers_) {
            if (question[13] != letter) continue;
            if (what == silence || (what == only_v4 && !is_for_v4) || (what == only_v6 && is_for_v4)) return {};
            bool const has_address = what == only_v4 || what == only_v6 || (what == found && is_for_v4);
            auto text = question.substr(0, end_of_name + 5);
            text[2] = '\x81';
            text[3] = static_cast<char>(0x80 | (what == broken || what == no_such_name || what == refused ? what : 0));
            text[7] = has_address;
            text[9] = text[11] = 0;
            // The name is that of the question; an address with a lifetime of a minute: 192.0.2.7, 127.0.0.1 or ::1.
            if (has_address)
                text += std::string("\xc0\x0c\0", 3) + (is_for_v4 ? '\1' : '\x1c') + std::string("\0\1\0\0\0\x3c", 6);
            if (what == found && has_address) text += std::string("\0\4\xc0\0\2\7", 6);
            if (what == only_v4) text += std::string("\0\4\x7f\0\0\1", 6);
            if (what == only_v6) text += std::string("\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 18);
            return text;
        }
        return {};
    }

    std::vector<std::pair<char, answer>> const answers_;
    int fd_ = -1;
    std::atomic<int> asked_{0};
};

// Runs f(stub_resolver&) in a child that asks such a resolver for all names, with these options of resolv.conf. The
// child exits with 42 if this process may not make a network of its own.
template <class F>
child_end in_own_network(std::vector<std::pair<char, stub_resolver::answer>> answers, std::string const& options,
                         F const& f) {
    temp_directory const etc;
    std::ofstream(etc / "resolv.conf") << "nameserver 127.0.0.1\noptions " << options << "\n";
    std::ofstream(etc / "nsswitch.conf") << "hosts: dns\n";
    return in_child([&] {
        if (!move_into_own_network(etc / "")) ::_exit(42);
        stub_resolver server(std::move(answers));
        f(server);
        std::fflush(stdout);
        ::_exit(0);  // its thread still serves
    });
}

}  // namespace ramie::testing
