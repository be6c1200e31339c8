// Perl inside a fiber program: its interpreter is one fiber's, and while it waits the others go on.
#include "library_run.hpp"

#include <algorithm>
#include <atomic>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wvolatile"
#pragma GCC diagnostic ignored "-Wpedantic"
#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>
#undef bool
#pragma GCC diagnostic pop

EXTERN_C void boot_DynaLoader(pTHX_ CV* cv);

namespace {

constexpr char script[] = R"(
use strict; use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ENV{RAMIE_TEST_PORT}, Proto => "tcp") or die "connect: $!";
for my $i (1 .. 50) {
    print $s "INCR perl\r\n"; $s->flush;
    my $answer = <$s>;
    die "answer: $answer" unless $answer eq ":$i\r\n";
}
select(undef, undef, undef, 0.5);
sleep 1;
)";

std::vector<std::string> redis(std::uint16_t port, real_server::folder const& home) {
    return {real_server::find_program("redis-server"), "--port", std::to_string(port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", home.path()};
}

void load_modules(pTHX) { ::newXS("DynaLoader::boot_DynaLoader", boot_DynaLoader, __FILE__); }

// Perl's exit status.
int run_perl() {
    char name[] = "perl", option[] = "-e", text[sizeof script];
    std::copy(std::begin(script), std::end(script), text);
    char* words[] = {name, option, text, nullptr};
    auto* const my_perl = ::perl_alloc();
    PERL_SET_CONTEXT(my_perl);
    perl_construct(my_perl);
    PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
    int status = perl_parse(my_perl, load_modules, 3, words, nullptr);
    if (status == 0) status = perl_run(my_perl);
    int const last = perl_destruct(my_perl);
    perl_free(my_perl);
    return status != 0 ? status : last;
}

}  // namespace

int main(int argc, char** argv, char** env) {
    PERL_SYS_INIT3(&argc, &argv, &env);
    int const status = library_run::main({"redis-server"}, [] {
        library_run::server const there(redis);
        ::setenv("RAMIE_TEST_PORT", std::to_string(there.port()).c_str(), 1);
        return ramie::run_as_threads({.workers = 1}, [&] {
            std::atomic<int> beats{0};
            auto const beat = ramie::scoped_task(ramie::spawn([&] {
                for (;; ++beats) ramie::this_fiber::sleep_for(std::chrono::milliseconds(10));
            }));
            bool const good = library_run::round("a script that sleeps for 1.5 s", 1, [&](std::size_t) { return run_perl() == 0; });
            // It waits 1.5 s in all; a worker that stood still meanwhile would have let none through.
            return good && (beats >= 10 || library_run::complain("perl", "the other fibers stood still"));
        });
    });
    PERL_SYS_TERM();
    return status;
}
