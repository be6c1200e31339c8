#include <ramie/listen_fds.hpp>

#include <atomic>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace ramie {

namespace {

constexpr int first_fd = 3;  // SD_LISTEN_FDS_START

std::unexpected<std::error_code> fail(listen_fds_errc why) { return std::unexpected(make_error_code(why)); }

// A whole number that is not negative.
std::optional<int> number_in(char const* text) {
    int value = 0;
    if (text == nullptr) return {};
    auto const* const end = text + std::strlen(text);
    auto const [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end || value < 0) return {};
    return value;
}

std::vector<std::string> names_in(std::string_view text) {
    std::vector<std::string> names;
    for (;;) {
        auto const colon = text.find(':');
        names.emplace_back(text.substr(0, colon));
        if (colon == text.npos) return names;
        text.remove_prefix(colon + 1);
    }
}

}  // namespace

std::error_category const& listen_fds_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.listen_fds"; }
        std::string message(int value) const override {
            switch (static_cast<listen_fds_errc>(value)) {
                case listen_fds_errc::bad_pid: return "LISTEN_PID is not a process number";
                case listen_fds_errc::bad_count: return "LISTEN_FDS is not a number of descriptors";
                case listen_fds_errc::bad_names: return "LISTEN_FDNAMES does not have as many names as LISTEN_FDS says";
                case listen_fds_errc::not_open: return "a descriptor that LISTEN_FDS counts is not open";
            }
            return "unknown error of socket activation";
        }
    } const category;
    return category;
}

std::expected<std::vector<passed_fd>, std::error_code> listen_fds() {
    static std::atomic<bool> handed_out{false};
    auto const* const pid_text = std::getenv("LISTEN_PID");
    if (pid_text == nullptr) return std::vector<passed_fd>();
    auto const pid = number_in(pid_text);
    if (!pid || *pid == 0) return fail(listen_fds_errc::bad_pid);
    if (*pid != ::getpid()) return std::vector<passed_fd>();
    auto const count = number_in(std::getenv("LISTEN_FDS"));
    if (!count || *count > INT_MAX - first_fd) return fail(listen_fds_errc::bad_count);
    std::vector<std::string> names;
    if (auto const* const names_text = std::getenv("LISTEN_FDNAMES")) {
        if (*count > 0 || *names_text != '\0') names = names_in(names_text);
        if (names.size() != static_cast<std::size_t>(*count)) return fail(listen_fds_errc::bad_names);
    }
    for (int i = 0; i < *count; ++i) {
        if (::fcntl(first_fd + i, F_GETFD) < 0) return fail(listen_fds_errc::not_open);
    }

    std::vector<passed_fd> passed;
    if (handed_out.exchange(true, std::memory_order_relaxed)) return passed;
    for (int i = 0; i < *count; ++i) {
        (void)::fcntl(first_fd + i, F_SETFD, FD_CLOEXEC);
        passed.push_back({unique_fd(first_fd + i), names.empty() ? "unknown" : names[static_cast<std::size_t>(i)]});
    }
    return passed;
}

}  // namespace ramie
