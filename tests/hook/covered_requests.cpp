// Scenes of look-ups and of asynchronous requests. A full pool keeps look-ups from ending: each kind of work has its
// own threads there, and one job holds them all.
#include "covered_calls.hpp"

#include "plain_fds.hpp"

#include <ramie/spawn_blocking.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include <aio.h>
#include <netdb.h>
#include <resolv.h>

using namespace ramie::testing;
using ramie::detail::blocking_share;

namespace {

template <blocking_share Share>
class full_pool {
  public:
    // For a runtime with max_blocking_threads = 4.
    full_pool() {
        unsigned const threads = Share == blocking_share::names ? 1 : 4;
        for (unsigned i = 0; i < threads; ++i)
            jobs_.push_back(ramie::detail::spawn_blocking_in<Share>([this] {
                ++begun_;
                while (!let_go_) std::this_thread::sleep_for(1ms);
            }));
        while (begun_ < threads) ramie::this_fiber::yield();
    }
    ~full_pool() {
        let_go();
        for (auto& each : jobs_) each.get();
    }
    full_pool(full_pool const&) = delete;
    full_pool& operator=(full_pool const&) = delete;
    void let_go() { let_go_ = true; }

  private:
    std::atomic<unsigned> begun_{0};
    std::atomic<bool> let_go_{false};
    std::vector<ramie::join_handle<void>> jobs_;
};

template <blocking_share Share>
covered_call asks(char const* name, std::function<int()> call) {
    return {name, [=] {
                auto const pool = std::make_shared<full_pool<Share>>();
                return waiting_scene{call, [=] { pool->let_go(); }};
            }};
}

int code_as_error(int code) {
    return code == 0 ? 0 : code == EAI_SYSTEM || code == EAI_INTR ? errno : EPROTO;
}

std::vector<covered_call> look_ups() {
    constexpr auto names = blocking_share::names;
    static in_addr const home{htonl(INADDR_LOOPBACK)};
    static sockaddr_in const at{AF_INET, 0, home, {}};
    std::vector<covered_call> all;
    all.push_back(asks<names>("getaddrinfo", [] {
        addrinfo* found = nullptr;
        auto const code = ::getaddrinfo("localhost", nullptr, nullptr, &found);
        if (code == 0) ::freeaddrinfo(found);
        return code_as_error(code);
    }));
    all.push_back(asks<names>("getnameinfo", [] {
        char host[NI_MAXHOST];
        return code_as_error(
            ::getnameinfo(reinterpret_cast<sockaddr const*>(&at), sizeof at, host, sizeof host, nullptr, 0, 0));
    }));
    all.push_back(asks<names>("gethostbyname", [] { return ::gethostbyname("localhost") != nullptr ? 0 : EPROTO; }));
    all.push_back(asks<names>("gethostbyname2",
                              [] { return ::gethostbyname2("localhost", AF_INET) != nullptr ? 0 : EPROTO; }));
    all.push_back(
        asks<names>("gethostbyaddr", [] { return ::gethostbyaddr(&home, 4, AF_INET) != nullptr ? 0 : EPROTO; }));
    all.push_back(asks<names>("gethostbyname_r", [] {
        hostent into, *found = nullptr;
        char room[4096];
        int why = 0;
        return ::gethostbyname_r("localhost", &into, room, sizeof room, &found, &why);
    }));
    all.push_back(asks<names>("gethostbyname2_r", [] {
        hostent into, *found = nullptr;
        char room[4096];
        int why = 0;
        return ::gethostbyname2_r("localhost", AF_INET, &into, room, sizeof room, &found, &why);
    }));
    all.push_back(asks<names>("gethostbyaddr_r", [] {
        hostent into, *found = nullptr;
        char room[4096];
        int why = 0;
        return ::gethostbyaddr_r(&home, 4, AF_INET, &into, room, sizeof room, &found, &why);
    }));
    return all;
}

// The server that `_res` names, on loopback: it answers that there is no such name.
class deaf_server {
  public:
    deaf_server() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), -1) {
        at_.sin_family = AF_INET;
        at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at_;
        REQUIRE(::bind(fd_.here, reinterpret_cast<sockaddr*>(&at_), size) == 0);
        ::getsockname(fd_.here, reinterpret_cast<sockaddr*>(&at_), &size);
    }
    ~deaf_server() { stop(); }
    void set_in(struct __res_state& state) const {
        state.nscount = 1;
        state.nsaddr_list[0] = at_;
        state.options &= ~static_cast<unsigned long>(RES_DNSRCH | RES_DEFNAMES);
    }
    void answer_all() {
        if (!answering_.joinable()) answering_ = std::thread([this] { answer(); });
    }

  private:
    void answer() {
        timeval const a_while{0, 20'000};
        ::setsockopt(fd_.here, SOL_SOCKET, SO_RCVTIMEO, &a_while, sizeof a_while);
        while (!stopping_) {
            std::array<unsigned char, 512> packet;
            sockaddr_in from{};
            socklen_t size = sizeof from;
            auto const n = ::recvfrom(fd_.here, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (n < 12) continue;
            packet[2] |= 0x80;  // an answer
            packet[3] = 3;      // NXDOMAIN
            ::sendto(fd_.here, packet.data(), static_cast<size_t>(n), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }
    void stop() {
        stopping_ = true;
        if (answering_.joinable()) answering_.join();
    }
    two_fds fd_;
    sockaddr_in at_{};
    std::atomic<bool> stopping_{false};
    std::thread answering_;
};

// `call` gets the thread's state, or a state of its own.
covered_call resolves(char const* name, std::function<int(struct __res_state&)> call, bool own_state) {
    return {name, [=] {
                auto const server = std::make_shared<deaf_server>();
                return waiting_scene{[=] {
                                         struct __res_state mine {};
                                         auto& state = own_state ? mine : _res;
                                         if (::res_ninit(&state) != 0) return EPROTO;
                                         server->set_in(state);
                                         errno = 0;
                                         auto const result = call(state);
                                         bool const asked = result >= 0 || h_errno == HOST_NOT_FOUND;
                                         ::res_nclose(&state);
                                         return asked ? 0 : errno != 0 ? errno : EPROTO;
                                     },
                                     [=] { server->answer_all(); }};
            }};
}

std::vector<covered_call> resolver_calls() {
    std::vector<covered_call> all;
    using octets = unsigned char;
    static constexpr int in = 1, a = 1;  // class and type
    static auto const question = [] {
        std::array<octets, 512> made{};
        ::res_mkquery(0, "nobody.test", in, a, nullptr, 0, nullptr, made.data(), made.size());
        return made;
    };
    static constexpr int question_size = 12 + 13 + 4;
    for (std::string const start : {"", "__"}) {
        auto const plain = [&](char const* name, auto* f) {
            all.push_back(resolves(
                (start + name).c_str(), [f](auto&) { return f("nobody.test", in, a, std::array<octets, 512>{}.data(), 512); },
                false));
        };
        for (auto const* name : {"res_query", "res_search"})
            plain(name, named<int(char const*, int, int, octets*, int)>((start + name).c_str()));
        all.push_back(resolves(
            (start + "res_querydomain").c_str(),
            [f = named<int(char const*, char const*, int, int, octets*, int)>((start + "res_querydomain").c_str())](
                auto&) { return f("nobody", "test", in, a, std::array<octets, 512>{}.data(), 512); },
            false));
        all.push_back(resolves(
            (start + "res_send").c_str(),
            [f = named<int(octets const*, int, octets*, int)>((start + "res_send").c_str())](auto&) {
                return f(question().data(), question_size, std::array<octets, 512>{}.data(), 512);
            },
            false));
        for (auto const* name : {"res_nquery", "res_nsearch"})
            all.push_back(resolves(
                (start + name).c_str(),
                [f = named<int(res_state, char const*, int, int, octets*, int)>((start + name).c_str())](auto& state) {
                    return f(&state, "nobody.test", in, a, std::array<octets, 512>{}.data(), 512);
                },
                true));
        all.push_back(resolves(
            (start + "res_nquerydomain").c_str(),
            [f = named<int(res_state, char const*, char const*, int, int, octets*, int)>(
                 (start + "res_nquerydomain").c_str())](auto& state) {
                return f(&state, "nobody", "test", in, a, std::array<octets, 512>{}.data(), 512);
            },
            true));
        all.push_back(resolves(
            (start + "res_nsend").c_str(),
            [f = named<int(res_state, octets const*, int, octets*, int)>((start + "res_nsend").c_str())](auto& state) {
                return f(&state, question().data(), question_size, std::array<octets, 512>{}.data(), 512);
            },
            true));
    }
    return all;
}

// A read that waits for the other end of a pipe.
struct reading {
    two_fds ends = socket_pair();
    char byte = 0;
    aiocb request{};
    reading() {
        request.aio_fildes = ends.here;
        request.aio_buf = &byte;
        request.aio_nbytes = 1;
        request.aio_lio_opcode = LIO_READ;
    }
    ~reading() {
        let_it_end();
        while (::aio_error(&request) == EINPROGRESS) ::usleep(1000);
    }
    void let_it_end() { (void)!::write(ends.there, "x", 1); }
};

// So many names that the last one is not answered at once.
struct many_names {
    std::array<gaicb, 2000> requests{};
    std::array<gaicb*, 2000> list{};
    many_names() {
        for (std::size_t i = 0; i < list.size(); ++i) {
            requests[i].ar_name = "localhost";
            list[i] = &requests[i];
        }
    }
    ~many_names() {
        for (auto& each : requests) {
            while (::gai_error(&each) == EAI_INPROGRESS) ::usleep(1000);
            if (each.ar_result != nullptr) ::freeaddrinfo(each.ar_result);
        }
    }
};

std::vector<covered_call> asynchronous_calls() {
    std::vector<covered_call> all;
    for (auto const* name : {"aio_suspend", "aio_suspend64"})
        all.push_back({name, [f = named<int(aiocb const* const*, int, timespec const*)>(name)] {
                           auto const r = std::make_shared<reading>();
                           REQUIRE(::aio_read(&r->request) == 0);
                           return waiting_scene{[=] {
                                                    aiocb const* const list[]{&r->request};
                                                    return error_of(f(list, 1, nullptr));
                                                },
                                                [=] { r->let_it_end(); }};
                       }});
    for (auto const* name : {"lio_listio", "lio_listio64"})
        all.push_back({name, [f = named<int(int, aiocb* const*, int, sigevent*)>(name)] {
                           auto const r = std::make_shared<reading>();
                           return waiting_scene{[=] {
                                                    aiocb* const list[]{&r->request};
                                                    return error_of(f(LIO_WAIT, list, 1, nullptr));
                                                },
                                                [=] { r->let_it_end(); }};
                       }});
    constexpr auto calls = blocking_share::calls;
    all.push_back({"gai_suspend", [] {
                       auto const pool = std::make_shared<full_pool<calls>>();
                       auto const names = std::make_shared<many_names>();
                       return waiting_scene{[=] {
                                                REQUIRE(::getaddrinfo_a(GAI_NOWAIT, names->list.data(), 2000, nullptr) == 0);
                                                gaicb const* const last[]{names->list.back()};
                                                auto const code = ::gai_suspend(last, 1, nullptr);
                                                return code == EAI_ALLDONE ? 0 : code_as_error(code);
                                            },
                                            [=] { pool->let_go(); }};
                   }, true});
    all.push_back({"getaddrinfo_a", [] {
                       auto const pool = std::make_shared<full_pool<calls>>();
                       auto const names = std::make_shared<many_names>();
                       return waiting_scene{[=] {
                                                return code_as_error(
                                                    ::getaddrinfo_a(GAI_WAIT, names->list.data(), 2000, nullptr));
                                            },
                                            [=] { pool->let_go(); }};
                   }, true});
    return all;
}

// A server that takes a connection, and reports success when told to.
covered_call calls_server(char const* name, std::function<int(unsigned short port)> call) {
    return {name, [=] {
                auto const listener = std::make_shared<plain_listener>();
                return waiting_scene{[=] { return call(listener->at.sin_port); },
                                     [=] {
                                         two_fds const in(::accept(listener->fd, nullptr, nullptr), -1);
                                         (void)!::write(in.here, "", 1);
                                         char rest[100];
                                         while (::read(in.here, rest, sizeof rest) > 0) {}
                                     }};
            }};
}

std::vector<covered_call> remote_commands() {
    std::vector<covered_call> all;
    static char address[] = "127.0.0.1";
    auto const ended = [](int fd) {
        if (fd >= 0) ::close(fd);
        return fd >= 0 ? 0 : errno;
    };
    auto const rexec_call = [=](unsigned short port, auto&& f) {
        char* host = address;
        return ended(f(&host, port));
    };
    all.push_back(calls_server("rexec", [=](unsigned short port) {
        return rexec_call(port, [](char** h, int p) { return ::rexec(h, p, "user", "word", "true", nullptr); });
    }));
    all.push_back(calls_server("rexec_af", [=](unsigned short port) {
        return rexec_call(port,
                          [](char** h, int p) { return ::rexec_af(h, p, "user", "word", "true", nullptr, AF_INET); });
    }));
    // These need a port that only root may use.
    all.push_back(calls_server("rcmd", [=](unsigned short port) {
        char* host = address;
        return ended(::rcmd(&host, port, "user", "user", "true", nullptr));
    }));
    all.push_back(calls_server("rcmd_af", [=](unsigned short port) {
        char* host = address;
        return ended(::rcmd_af(&host, port, "user", "user", "true", nullptr, AF_INET));
    }));
    return all;
}

}  // namespace

std::vector<covered_call> ramie::testing::covered_request_calls() {
    std::vector<covered_call> all;
    for (auto const& some : {look_ups(), resolver_calls(), asynchronous_calls(), remote_commands()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}
