// racing_mirrors: the same question to two servers; the first answer counts, the other is aborted.
#include <ramie/ramie.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

std::string download(std::string const& mirror, std::chrono::milliseconds takes) {
    struct connection {
        std::string const& mirror;
        bool done = false;
        ~connection() {
            if (!done) std::printf("%s: given up\n", mirror.c_str());
        }
    } open{mirror};
    ramie::this_fiber::sleep_for(takes);
    open.done = true;
    return mirror;
}

}  // namespace

int main() {
    ramie::run([] {
        std::string const slow = "slow", fast = "fast";
        // The callables may borrow locals: both have ended when race returns.
        auto const winner = ramie::race([&] { return download(slow, 1h); }, [&] { return download(fast, 10ms); });
        std::printf("%s was first\n", winner.c_str());
    });
}
