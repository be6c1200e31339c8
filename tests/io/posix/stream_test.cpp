// ramie::posix: read, write and their kin wait as libc's do, and leave the descriptor as it was.
#include "chance.hpp"
#include "plain_fds.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include <pty.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <termios.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

std::vector<char> some_bytes(std::size_t n) {
    std::vector<char> bytes(n);
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    return bytes;
}

std::vector<char> read_all(int fd) {
    std::vector<char> all, part(50'000);
    for (;;) {
        auto const n = posix::read(fd, part.data(), part.size());
        REQUIRE(n >= 0);
        if (n == 0) return all;
        all.insert(all.end(), part.begin(), part.begin() + n);
    }
}

bool is_blocking(int fd) {
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

}  // namespace

TEST_CASE("posix: a read waits for what another fiber writes, on sockets, pipes, an eventfd and a terminal") {
    on_each_runtime([] {
        auto const waits_for = [](int reader, int writer, std::string_view text) {
            char b[64];
            auto waiting = parked([&] { return posix::read(reader, b, sizeof b); });
            CHECK(!waiting.is_finished());
            CHECK(posix::write(writer, text.data(), text.size()) == std::ssize(text));
            auto const n = soon([&] { return waiting.get(); });
            CHECK(std::string_view(b, static_cast<std::size_t>(n)) == text);
            CHECK(is_blocking(reader));
            CHECK(is_blocking(writer));
        };
        auto const stream = socket_pair();
        for (int i = 0; i < 3; ++i) waits_for(stream.here, stream.there, "stream");
        auto const datagrams = socket_pair(SOCK_DGRAM);
        waits_for(datagrams.here, datagrams.there, "datagram");
        auto const pipe = pipe_pair();
        waits_for(pipe.here, pipe.there, "pipe");
        int main = -1, other = -1;
        REQUIRE(::openpty(&main, &other, nullptr, nullptr, nullptr) == 0);
        two_fds const terminal(main, other);
        termios raw;
        ::tcgetattr(other, &raw);
        ::cfmakeraw(&raw);
        ::tcsetattr(other, TCSANOW, &raw);
        waits_for(terminal.here, terminal.there, "out");
        waits_for(terminal.there, terminal.here, "in");
        two_fds const event(::eventfd(0, EFD_CLOEXEC), -1);
        waits_for(event.here, event.here, std::string_view("\1\0\0\0\0\0\0\0", 8));
    });
}

TEST_CASE("posix: a read waits for a timerfd") {
    on_each_runtime([] {
        two_fds const timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), -1);
        itimerspec const soon_due{{}, {0, 3'000'000}};
        REQUIRE(::timerfd_settime(timer.here, 0, &soon_due, nullptr) == 0);
        std::uint64_t ticks = 0;
        CHECK(soon([&] { return posix::read(timer.here, &ticks, sizeof ticks); }) == 8);
        CHECK(ticks == 1);
    });
}

TEST_CASE("posix: a blocking write takes everything, whatever the other end's pace") {
    on_each_runtime([] {
        auto const bytes = some_bytes(3'000'000);
        auto* const p = const_cast<char*>(bytes.data());
        iovec const whole[] = {{p, bytes.size()}};
        iovec const pieces[] = {
            {p, 0}, {p, 1}, {p + 1, 999'999}, {p + 1'000'000, 0}, {p + 1'000'000, 1'999'999}, {p + 2'999'999, 1}};
        for (int i = 0; i < 4; ++i) {
            auto ends = i % 2 == 0 ? pipe_pair() : socket_pair();
            auto reading = ramie::spawn([&] { return read_all(ends.here); });
            auto const written = i < 2 ? posix::writev(ends.there, whole, 1) : posix::writev(ends.there, pieces, 6);
            CHECK(written == std::ssize(bytes));
            ends.close_there();
            CHECK(soon([&] { return reading.get(); }) == bytes);
        }
        auto ends = socket_pair();
        auto reading = ramie::spawn([&] { return read_all(ends.here); });
        CHECK(posix::send(ends.there, bytes.data(), bytes.size(), MSG_NOSIGNAL) == std::ssize(bytes));
        iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        CHECK(posix::sendmsg(ends.there, &message, MSG_NOSIGNAL) == std::ssize(bytes));
        CHECK(part.iov_len == bytes.size());
        ends.close_there();
        CHECK(soon([&] { return reading.get(); }).size() == 2 * bytes.size());
    });
}

TEST_CASE("posix: MSG_WAITALL waits for all of it, and the end of the stream ends it") {
    on_each_runtime([] {
        auto ends = socket_pair();
        char b[10] = {};
        auto waiting = parked([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); });
        for (char const* each : {"abc", "defg", "hijkl"}) {
            posix::send(ends.there, each, std::strlen(each), 0);
            let_others_park();
        }
        CHECK(soon([&] { return waiting.get(); }) == 10);
        CHECK(std::string_view(b, 10) == "abcdefghij");

        auto peeking = parked([&] { return posix::recv(ends.here, b, 5, MSG_WAITALL | MSG_PEEK); });
        CHECK(!peeking.is_finished());
        posix::send(ends.there, "mn", 2, 0);
        let_others_park();
        CHECK(!peeking.is_finished());
        posix::send(ends.there, "o", 1, 0);
        CHECK(soon([&] { return peeking.get(); }) == 5);
        CHECK(std::string_view(b, 5) == "klmno");

        auto cut_short = parked([&] { return posix::recv(ends.here, b, 10, MSG_WAITALL); });
        ends.close_there();
        CHECK(soon([&] { return cut_short.get(); }) == 5);
    });
}

TEST_CASE("posix: MSG_PEEK leaves what it shows, and a zero-length read of a datagram socket takes nothing") {
    on_each_runtime([] {
        auto const ends = socket_pair(SOCK_DGRAM);
        char b[8]{};
        auto waiting = parked([&] { return posix::recv(ends.here, b, sizeof b, MSG_PEEK); });
        posix::send(ends.there, "four", 4, 0);
        CHECK(soon([&] { return waiting.get(); }) == 4);
        CHECK(posix::read(ends.here, b, 0) == 0);
        CHECK(posix::recv(ends.here, b, sizeof b, 0) == 4);
        CHECK(result_of([&] { return posix::recv(ends.here, b, sizeof b, MSG_DONTWAIT); }) == said{-1, EAGAIN});
    });
}

TEST_CASE("posix: datagrams keep their bounds, empty and large ones too, and tell their sender") {
    on_each_runtime([] {
        auto const bound = [] {
            int const fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            sockaddr_in at{};
            at.sin_family = AF_INET;
            at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
            socklen_t size = sizeof at;
            REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
            return std::pair(fd, at);
        };
        auto const [here, here_at] = bound();
        auto const [there, there_at] = bound();
        two_fds const both(here, there);
        auto const sent = some_bytes(70'000);
        std::vector<char> into(sent.size());
        sockaddr_in from{};
        socklen_t size = sizeof from;
        for (std::size_t const length : {std::size_t{0}, std::size_t{1}, std::size_t{65'507}}) {
            auto waiting = parked([&] {
                size = sizeof from;
                return posix::recvfrom(both.here, into.data(), into.size(), 0, reinterpret_cast<sockaddr*>(&from),
                                       &size);
            });
            CHECK(posix::sendto(both.there, sent.data(), length, 0, reinterpret_cast<sockaddr const*>(&here_at),
                                sizeof here_at) == static_cast<ssize_t>(length));
            CHECK(soon([&] { return waiting.get(); }) == static_cast<ssize_t>(length));
            CHECK(std::equal(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(length), into.begin()));
            CHECK(size == sizeof from);
            CHECK(from.sin_port == there_at.sin_port);
        }
    });
}

TEST_CASE("posix: recvmmsg and sendmmsg") {
    on_each_runtime([] {
        auto const ends = socket_pair(SOCK_DGRAM);
        char b[3][8];
        iovec parts[3];
        mmsghdr messages[3]{};
        for (int i = 0; i < 3; ++i) {
            parts[i] = {b[i], 8};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        auto all = parked([&] { return posix::recvmmsg(ends.here, messages, 3, 0, nullptr); });
        char text[] = "x";
        iovec one{text, 1};
        mmsghdr out[2]{};
        for (auto& each : out) {
            each.msg_hdr.msg_iov = &one;
            each.msg_hdr.msg_iovlen = 1;
        }
        CHECK(posix::sendmmsg(ends.there, out, 2, 0) == 2);
        CHECK(out[1].msg_len == 1);
        let_others_park();
        CHECK(!all.is_finished());
        CHECK(posix::sendmmsg(ends.there, out, 1, 0) == 1);
        CHECK(soon([&] { return all.get(); }) == 3);
        CHECK(messages[2].msg_len == 1);

        auto first = parked([&] { return posix::recvmmsg(ends.here, messages, 3, MSG_WAITFORONE, nullptr); });
        CHECK(posix::send(ends.there, text, 1, 0) == 1);
        CHECK(soon([&] { return first.get(); }) == 1);
    });
}

TEST_CASE("posix: a descriptor may be passed along, once") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        auto const pipe = pipe_pair();
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        std::vector<char> bytes(1'000'000);
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        auto* const c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(c), &pipe.there, sizeof(int));
        auto sending = parked([&] { return posix::sendmsg(ends.there, &message, 0); });  // in many parts
        std::size_t received = 0;
        int passed = 0;
        std::vector<char> into(100'000);
        while (received < bytes.size()) {
            alignas(cmsghdr) char back[CMSG_SPACE(4 * sizeof(int))];
            iovec to{into.data(), into.size()};
            msghdr m{};
            m.msg_iov = &to;
            m.msg_iovlen = 1;
            m.msg_control = back;
            m.msg_controllen = sizeof back;
            auto const n = soon([&] { return posix::recvmsg(ends.here, &m, MSG_CMSG_CLOEXEC); });
            REQUIRE(n > 0);
            received += static_cast<std::size_t>(n);
            for (auto* h = CMSG_FIRSTHDR(&m); h != nullptr; h = CMSG_NXTHDR(&m, h)) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(h), sizeof fd);
                ::close(fd);
                ++passed;
            }
        }
        CHECK(soon([&] { return sending.get(); }) == std::ssize(bytes));
        CHECK(passed == 1);
    });
}

TEST_CASE("posix: a descriptor with O_NONBLOCK gets EAGAIN, and partial writes") {
    on_each_runtime([] {
        for (bool const pipe : {false, true}) {
            auto const ends = pipe ? pipe_pair() : socket_pair();
            char b[8]{};
            for (int const fd : {ends.here, ends.there}) REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
            CHECK(result_of([&] { return posix::read(ends.here, b, 8); }) == said{-1, EAGAIN});
            auto const partial = posix::write(ends.there, too_much().data(), too_much().size());
            CHECK(partial > 0);
            CHECK(partial < std::ssize(too_much()));
            CHECK(result_of([&] { return posix::write(ends.there, b, 8); }) == said{-1, EAGAIN});
        }
        plain_listener const listener;
        REQUIRE(::fcntl(listener.fd, F_SETFL, O_NONBLOCK) == 0);
        CHECK(result_of([&] { return posix::accept(listener.fd, nullptr, nullptr); }) == said{-1, EAGAIN});
    });
}

TEST_CASE("posix: SO_RCVTIMEO and SO_SNDTIMEO end a wait with EAGAIN; what was sent before counts") {
    on_each_runtime([] {
        auto const ends = socket_pair();
        timeval const little{0, 10'000};
        REQUIRE(::setsockopt(ends.here, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little) == 0);
        REQUIRE(::setsockopt(ends.here, SOL_SOCKET, SO_SNDTIMEO, &little, sizeof little) == 0);
        char b[8]{};
        CHECK(soon([&] { return result_of([&] { return posix::recv(ends.here, b, 8, 0); }); }) == said{-1, EAGAIN});
        CHECK(soon([&] { return result_of([&] { return posix::read(ends.here, b, 8); }); }) == said{-1, EAGAIN});
        auto const partial = soon([&] { return posix::send(ends.here, too_much().data(), too_much().size(), 0); });
        CHECK(partial > 0);
        CHECK(partial < std::ssize(too_much()));
        CHECK(soon([&] { return result_of([&] { return posix::send(ends.here, b, 8, 0); }); }) == said{-1, EAGAIN});
        plain_listener const listener;
        REQUIRE(::setsockopt(listener.fd, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little) == 0);
        CHECK(soon([&] { return result_of([&] { return posix::accept(listener.fd, nullptr, nullptr); }); }) ==
              said{-1, EAGAIN});
    });
}

TEST_CASE("posix: errors are libc's") {
    on_each_runtime([] {
        char b[8]{};
        iovec part{b, 8};
        CHECK(result_of([&] { return posix::read(-1, b, 8); }) == said{-1, EBADF});
        CHECK(result_of([&] { return posix::write(1 << 20, b, 8); }) == said{-1, EBADF});
        CHECK(result_of([&] { return posix::close(-1); }) == said{-1, EBADF});
        CHECK(result_of([&] { return posix::readv(0, &part, -1); }) == said{-1, EINVAL});
        CHECK(result_of([&] { return posix::accept(-1, nullptr, nullptr); }) == said{-1, EBADF});
        auto ends = socket_pair();
        CHECK(result_of([&] { return posix::accept(ends.here, nullptr, nullptr); }) == said{-1, EINVAL});
        auto const pipe = pipe_pair();
        CHECK(result_of([&] { return posix::recv(pipe.here, b, 8, 0); }) == said{-1, ENOTSOCK});
        CHECK(result_of([&] { return posix::accept(pipe.here, nullptr, nullptr); }) == said{-1, ENOTSOCK});
        CHECK(result_of([&] { return posix::read(pipe.there, b, 8); }) == said{-1, EBADF});
        ends.close_there();
        CHECK(result_of([&] { return posix::send(ends.here, b, 8, MSG_NOSIGNAL); }) == said{-1, EPIPE});
        CHECK(posix::recv(ends.here, b, 8, 0) == 0);
    });
}

TEST_CASE("posix: a regular file, a directory and /dev/null") {
    on_each_runtime([] {
        char name[] = "/tmp/ramie-posix-XXXXXX";
        two_fds const file(::mkostemp(name, O_CLOEXEC), ::open("/dev/null", O_RDWR | O_CLOEXEC));
        ::unlink(name);
        auto const bytes = some_bytes(300'000);
        CHECK(posix::write(file.here, bytes.data(), bytes.size()) == std::ssize(bytes));
        ::lseek(file.here, 0, SEEK_SET);
        CHECK(read_all(file.here) == bytes);
        pollfd asked[] = {{file.here, POLLIN | POLLOUT, 0}, {file.there, POLLIN, 0}};
        CHECK(posix::poll(asked, 2, -1) == 2);
        char b[8]{};
        CHECK(posix::read(file.there, b, 8) == 0);
        CHECK(posix::write(file.there, b, 8) == 8);
        two_fds const directory(::open("/", O_RDONLY | O_CLOEXEC), -1);
        CHECK(result_of([&] { return posix::read(directory.here, b, 8); }) == said{-1, EISDIR});
    });
}

TEST_CASE("posix: what never waits does not wait: the error queue and urgent data") {
    on_each_runtime([] {
        plain_listener listener;
        two_fds ends(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
        REQUIRE(posix::connect(ends.here, listener.name(), sizeof listener.at) == 0);
        char b;
        CHECK(soon([&] { return result_of([&] { return posix::recv(ends.here, &b, 1, MSG_ERRQUEUE); }); }) ==
              said{-1, EAGAIN});
        CHECK(soon([&] { return result_of([&] { return posix::recv(ends.here, &b, 1, MSG_OOB); }); }) ==
              said{-1, EINVAL});
    });
}

TEST_CASE("posix: a plain thread gets libc's calls, in and outside a runtime") {
    auto const ends = socket_pair();
    char b[8]{};
    std::thread writer([&] { posix::write(ends.there, "abc", 3); });
    CHECK(posix::read(ends.here, b, 8) == 3);
    writer.join();
    ramie::run([&] {
        std::thread reader([&] { CHECK(posix::read(ends.here, b, 8) == 2); });
        let_others_park();
        posix::write(ends.there, "de", 2);
        reader.join();
    });
    CHECK(result_of([&] { return posix::recv(ends.here, b, 8, MSG_DONTWAIT); }) == said{-1, EAGAIN});
    CHECK(posix::usleep(1) == 0);
}

TEST_CASE("posix: many pairs at once lose nothing") {
    on_each_runtime([] {
        std::vector<ramie::join_handle<void>> all;
        for (int i = 0; i < 50; ++i) {
            all.push_back(ramie::spawn([] {
                auto const ends = socket_pair();
                auto echo = ramie::spawn([&] {
                    char b[100];
                    for (ssize_t n; (n = posix::read(ends.there, b, sizeof b)) > 0;)
                        posix::write(ends.there, b, static_cast<std::size_t>(n));
                });
                for (int round = 0; round < 50; ++round) {
                    int back = -1;
                    posix::write(ends.here, &round, sizeof round);
                    REQUIRE(posix::recv(ends.here, &back, sizeof back, MSG_WAITALL) == sizeof back);
                    REQUIRE(back == round);
                }
                posix::shutdown(ends.here, SHUT_WR);
                echo.get();
            }));
        }
        for (auto& each : all) soon([&] { each.get(); });
    });
}
