// A host's addresses as they become known, for a connection that need not wait for all of them (RFC 8305, section 3).
//
// The C library's look-up of both families (A and AAAA) answers when both answers have come or timed out. Some name
// servers never answer one of the two questions. So:
//   1. The look-up of both families is asked first. Its answer is the best: in the system's own order of preference.
//   2. If it has run for `patience` and has no answer yet, each family is asked for by itself, too.
//   3. Addresses are given out as answers come, each once.
//   4. All is over when the look-up of both families has ended; or when each family's own look-up has ended, and an
//      address is known.
// So a host whose name is found soon costs one look-up. If the others cannot be made nothing is lost: the first one
// goes on. Why a host has no address is always what the look-up of both says. If only one family is wanted, the other
// one is not asked for by itself, and its addresses are not given out.
//
// Each look-up is a job of the blocking pool that owns the answers it writes to; a look-up that is still under way when
// the asker is done is abandoned.
#pragma once

#include "net/look_up.hpp"

#include <ramie/detail/fence/word_lock.hpp>
#include <ramie/detail/wait/select_case.hpp>
#include <ramie/detail/wait/wait_queue.hpp>
#include <ramie/join_handle.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ramie::detail {

// For one fiber.
class name_questions {
  public:
    // `family`: AF_INET, AF_INET6, or AF_UNSPEC for both.
    name_questions(std::string host, std::uint16_t port, int family, std::chrono::nanoseconds patience);
    name_questions(name_questions const&) = delete;
    name_questions& operator=(name_questions const&) = delete;
    ~name_questions();

    // Adds to `known` what has become known since the last look; starts the look-ups that are due. Does not wait.
    void look(std::vector<endpoint>& known);
    // Nothing more will come.
    bool is_over() const noexcept { return over_; }
    // Why there is no address; valid once it is over.
    std::error_code error() const noexcept { return error_; }

    // The two halves of a wait until look() may have something to do (select_case.hpp). look() comes before.
    enlisting enlist(waiter& self, std::uint64_t g);
    void withdraw() noexcept;
    // When look() has something to do even without an answer.
    time_point limit() const noexcept { return look_again_; }

  private:
    enum question : std::uint8_t { of_both, of_v4, of_v6, questions };
    struct answers;
    class look_up_job;

    void ask(question q);
    bool wants(question q) const noexcept;
    // Under the answers' lock.
    void hear(question q, found_addresses const& answer, std::vector<endpoint>& known);
    bool is_time_to_ask_each() noexcept;
    void give_up() noexcept;

    std::string const host_;
    std::uint16_t const port_;
    int const family_;
    std::chrono::nanoseconds const patience_;
    std::shared_ptr<answers> const answers_;
    std::array<join_handle<void>, questions> jobs_;
    std::array<bool, questions> heard_{};  // its answer was taken
    bool found_{};                         // there is a wanted address
    bool over_ = false;
    std::error_code error_;
    time_point look_again_ = never;
    std::optional<wait_node> node_;
};

}  // namespace ramie::detail
