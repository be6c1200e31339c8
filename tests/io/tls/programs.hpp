// Other programs that speak TLS, as peers of a test: openssl s_client, curl; they are started and listened to.
#pragma once

#include "peers.hpp"

#include <ramie/spawn_blocking.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace ramie::testing {

// Certificates as files, gone at the end.
class certificate_files {
  public:
    certificate_files() {
        std::string pattern = (std::filesystem::temp_directory_path() / "ramie-tls-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        put("ca.pem", authority().certificate());
        put("chain.pem", server_identity().certificate());
        put("key.pem", server_identity().key());
        auto const alice = authority().issue({.subject = "alice"});
        put("alice.pem", alice.certificate());
        put("alice.key", alice.key());
    }
    certificate_files(certificate_files const&) = delete;
    certificate_files& operator=(certificate_files const&) = delete;
    ~certificate_files() { std::filesystem::remove_all(folder_); }

    std::string path(std::string const& name) const { return (folder_ / name).string(); }
    tls_identity server() const { return {pem::file(path("chain.pem")), pem::file(path("key.pem"))}; }

  private:
    void put(std::string const& name, std::string const& content) const { std::ofstream(folder_ / name) << content; }

    std::filesystem::path folder_;
};

// A running shell command; its output is read. It ends by itself, or by its time limit.
class command {
  public:
    explicit command(std::string const& line) : out_(::popen(("exec 2>&1; " + line).c_str(), "re")) {
        REQUIRE(out_ != nullptr);
    }
    command(command const&) = delete;
    command& operator=(command const&) = delete;
    ~command() {
        if (out_ != nullptr) ::pclose(out_);
    }
    // Reads until a line contains this text, or until the end; returns the text read.
    std::string read_until(std::string const& what) {
        std::string all;
        std::array<char, 4096> line;
        while (all.find(what) == all.npos && std::fgets(line.data(), line.size(), out_) != nullptr) all += line.data();
        return all;
    }
    std::string rest() { return read_until("\n no such line \n"); }
    int status() { return ::pclose(std::exchange(out_, nullptr)); }

  private:
    std::FILE* out_;
};

struct ran {
    std::string output;
    bool good;
};

// Runs it on a thread of the blocking pool.
inline join_handle<ran> start(std::string line) {
    return spawn_blocking([line = std::move(line)] {
        command c(line);
        auto output = c.rest();
        return ran{output, c.status() == 0};
    });
}

inline bool has(std::string const& text, std::string const& part) {
    return text.find(part) != text.npos;
}

inline std::string openssl_client(std::uint16_t port, certificate_files const& files, std::string const& more) {
    return "timeout 20 openssl s_client -connect 127.0.0.1:" + std::to_string(port) +
           " -servername localhost -verify_hostname localhost -verify_return_error -CAfile " + files.path("ca.pem") +
           ' ' + more;
}

// Reads a line, sends it back in capitals, and ends; returns the handshake's error.
inline std::error_code serve_one(tls_listener& listener) {
    auto client = soon([&] { return listener.accept(); }).value();
    if (auto const agreed = soon([&] { return client.handshake(); }); !agreed) return agreed.error();
    std::string line;
    for (char c = 0; c != '\n';) {
        auto const got = soon([&] { return client.read(std::span(&c, 1)); });
        if (!got || *got == 0) return got ? std::error_code() : got.error();
        line += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    }
    (void)client.write_all(line);
    (void)client.shutdown();
    char b[1];
    auto const end = soon([&] { return client.read(b); });  // until the peer has read it
    return end ? std::error_code() : end.error();
}

}  // namespace ramie::testing
