// A DNS server that says what a test wants to hear, in a network and with an /etc of its own. For a forked child that
// does nothing else.
#pragma once

#include <cstdio>
#include <cstdlib>
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

namespace ramie::testing {

// This process sees nothing but a loopback, and in /etc the files of that directory. False: it may not.
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
    // The codes of RFC 1035.
    enum answer { found = 0, broken = 2, no_such_name = 3, refused = 5, nothing_of_that_kind, silence };

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
            auto const text = answer_to(question);
            if (!text.empty()) ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }

    std::string answer_to(std::string const& question) const {
        auto const end_of_name = question.find('\0', 12);
        auto const is_for_v4 = question.at(end_of_name + 2) == 1;
        for (auto const& [letter, what] : answers_) {
            if (question[13] != letter) continue;
            if (what == silence) return {};
            bool const has_address = what == found && is_for_v4;
            auto text = question.substr(0, end_of_name + 5);
            text[2] = '\x81';
            text[3] = static_cast<char>(0x80 | (what == nothing_of_that_kind ? 0 : what));
            text[7] = has_address;
            text[9] = text[11] = 0;
            // The name is that of the question; an IPv4 address for a minute: 192.0.2.7.
            if (has_address) text += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7", 16);
            return text;
        }
        return {};
    }

    std::vector<std::pair<char, answer>> const answers_;
    int fd_ = -1;
};

}  // namespace ramie::testing
