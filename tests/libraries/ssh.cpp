// libssh, with OpenSSH's server: a session, a key, a command that takes a while.
#include "library_run.hpp"

#include <filesystem>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <pwd.h>

namespace {

constexpr std::size_t sessions = 20;

std::vector<std::string> sshd(std::uint16_t port, real_server::folder const& home) {
    for (auto const* const key : {"host", "mine"})
        library_run::run_first(home, {real_server::find_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", home.path(key)});
    // sshd of a root wants this folder; a package's start script makes it.
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    home.write("sshd_config", "Port " + std::to_string(port) + "\nListenAddress 127.0.0.1\nHostKey " + home.path("host") +
                                  "\nPidFile " + home.path("pid") + "\nAuthorizedKeysFile " + home.path("mine.pub") +
                                  "\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nMaxStartups 1000\n");
    return {real_server::find_program("sshd"), "-D", "-e", "-f", home.path("sshd_config")};
}

std::string output_of(ssh_channel channel) {
    std::string all;
    char part[256];
    for (int n; (n = ::ssh_channel_read(channel, part, sizeof part, 0)) > 0;) all.append(part, static_cast<std::size_t>(n));
    return all;
}

bool runs_a_command(library_run::server const& there) {
    std::unique_ptr<ssh_session_struct, void (*)(ssh_session)> const s(::ssh_new(), ::ssh_free);
    int const port = there.port();
    ::ssh_options_set(s.get(), SSH_OPTIONS_HOST, "127.0.0.1");
    ::ssh_options_set(s.get(), SSH_OPTIONS_PORT, &port);
    ::ssh_options_set(s.get(), SSH_OPTIONS_USER, ::getpwuid(::geteuid())->pw_name);
    bool const no = false;
    ::ssh_options_set(s.get(), SSH_OPTIONS_PROCESS_CONFIG, &no);
    if (::ssh_connect(s.get()) != SSH_OK) return library_run::complain("ssh_connect", ::ssh_get_error(s.get()));
    ssh_key key = nullptr;
    if (::ssh_pki_import_privkey_file(there.home().path("mine").c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK)
        return library_run::complain("key", ::ssh_get_error(s.get()));
    bool const in = ::ssh_userauth_publickey(s.get(), nullptr, key) == SSH_AUTH_SUCCESS;
    ::ssh_key_free(key);
    if (!in) return library_run::complain("ssh_userauth_publickey", ::ssh_get_error(s.get()));
    std::unique_ptr<ssh_channel_struct, void (*)(ssh_channel)> c(::ssh_channel_new(s.get()), ::ssh_channel_free);
    bool const good = ::ssh_channel_open_session(c.get()) == SSH_OK &&
                      ::ssh_channel_request_exec(c.get(), "sleep 0.5; echo done") == SSH_OK && output_of(c.get()) == "done\n";
    if (!good) return library_run::complain("exec", ::ssh_get_error(s.get()));
    c.reset();  // before the session ends, which frees its channels
    ::ssh_disconnect(s.get());
    return true;
}

}  // namespace

int main() {
    return library_run::main({"sshd", "ssh-keygen"}, [] {
        library_run::server const there(sshd);
        ::ssh_init();
        return ramie::run_as_threads({.workers = 2}, [&] {
            return library_run::round("commands that take 0.5 s", sessions, [&](std::size_t) { return runs_a_command(there); });
        });
    });
}
