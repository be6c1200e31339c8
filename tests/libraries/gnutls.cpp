// GnuTLS on blocking sockets, with its own server, which sends back what it gets.
#include "library_run.hpp"

#include <gnutls/gnutls.h>

namespace {

constexpr std::size_t sessions = 30;

std::vector<std::string> gnutls_serv(std::uint16_t port, real_server::folder const& home) {
    library_run::run_first(home, {real_server::find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                                  "-subj", "/CN=localhost", "-keyout", home.path("key"), "-out", home.path("certificate")});
    return {real_server::find_program("gnutls-serv"), "--echo", "--port", std::to_string(port), "--x509keyfile", home.path("key"),
            "--x509certfile", home.path("certificate")};
}

bool went_well(char const* call, long answer) {
    return answer >= 0 || library_run::complain(call, ::gnutls_strerror(static_cast<int>(answer)));
}

class session {
  public:
    explicit session(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto const where = real_server::loopback(static_cast<std::uint16_t>(port));
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr const*>(&where), sizeof where) == 0;
        ::gnutls_certificate_allocate_credentials(&trusts_);
        ::gnutls_init(&tls_, GNUTLS_CLIENT);
        ::gnutls_set_default_priority(tls_);
        ::gnutls_credentials_set(tls_, GNUTLS_CRD_CERTIFICATE, trusts_);
        ::gnutls_transport_set_int(tls_, fd_);
        ::gnutls_handshake_set_timeout(tls_, 10'000);
    }
    session(session const&) = delete;
    session& operator=(session const&) = delete;
    ~session() {
        ::gnutls_deinit(tls_);
        ::gnutls_certificate_free_credentials(trusts_);
        ::close(fd_);
    }
    bool echoes() {
        if (!connected_) return library_run::complain("connect", "refused");
        int answer = 0;
        do answer = ::gnutls_handshake(tls_);
        while (answer < 0 && ::gnutls_error_is_fatal(answer) == 0);
        if (!went_well("gnutls_handshake", answer)) return false;
        for (int i = 0; i < 20; ++i) {
            auto const text = "line " + std::to_string(i) + '\n';
            if (!went_well("gnutls_record_send", ::gnutls_record_send(tls_, text.data(), text.size()))) return false;
            std::string back;
            while (back.size() < text.size()) {
                char part[64];
                auto const n = ::gnutls_record_recv(tls_, part, sizeof part);
                if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) continue;  // something of the protocol's own came
                if (!went_well("gnutls_record_recv", n)) return false;
                if (n == 0) return library_run::complain("gnutls_record_recv", "closed");
                back.append(part, static_cast<std::size_t>(n));
            }
            if (back != text) return library_run::complain("echo", back.c_str());
        }
        return went_well("gnutls_bye", ::gnutls_bye(tls_, GNUTLS_SHUT_WR));
    }

  private:
    int fd_;
    bool connected_ = false;
    gnutls_session_t tls_ = nullptr;
    gnutls_certificate_credentials_t trusts_ = nullptr;
};

}  // namespace

int main() {
    return library_run::main({"gnutls-serv", "openssl"}, [] {
        library_run::server const there(gnutls_serv);
        return ramie::run_as_threads({.workers = 2}, [&] {
            return library_run::round("handshakes and 20 lines each", sessions,
                                      [&](std::size_t) { return session(there.port()).echoes(); });
        });
    });
}
