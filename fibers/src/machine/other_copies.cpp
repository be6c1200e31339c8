#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/machine/other_copies.hpp>

#include "ground/raw_text.hpp"

#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/carrier.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <dlfcn.h>
#include <link.h>

namespace ramie::detail {

constinit atomic<unsigned> other_copies{0};

namespace {

using copies = std::array<atomic<copy_of_ramie const*>, most_copies>;
constinit copies others{};

bool describe_fiber_here(char* text, std::size_t room) noexcept {
    auto const* const here = carrier::this_lane();
    if (here == nullptr || here->current == nullptr || here->lent) return false;
    auto const name = name_of(*here->current);
    std::strncpy(text, name.text, room - 1);
    text[room - 1] = '\0';
    return true;
}

void meet(copy_of_ramie const* other) noexcept {
    for (auto& place : others) {
        copy_of_ramie const* free_place = nullptr;
        // release pairs with the acquire in for_each_other().
        if (!place.compare_exchange_strong(free_place, other, std::memory_order_release, std::memory_order_relaxed)) continue;
        other_copies.fetch_add(1, std::memory_order_relaxed);
        return;
    }
}

void part(copy_of_ramie const* other) noexcept {
    for (auto& place : others) {
        auto expected = other;
        if (!place.compare_exchange_strong(expected, nullptr, std::memory_order_relaxed)) continue;
        other_copies.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
}

template <class F>
void for_each_other(F&& f) {
    for (auto const& place : others)
        if (auto const* const other = place.load(std::memory_order_acquire)) f(*other);
}

}  // namespace

// Visible only in this file of the process, even if other files define the same names.
extern "C" {
[[gnu::visibility("hidden")]] extern copy_of_ramie const ramie_copy_here;
[[gnu::used]] constinit copy_of_ramie const ramie_copy_here{copy_of_ramie::current_version, &describe_fiber_here, &meet, &part};
}

// The note: its name, and as contents the distance from the note to the description.
asm(R"(
    .pushsection .note.ramie, "a", %note
    .balign 4
    .long 6
    .long 8
    .long 1
    .asciz "Ramie"
    .balign 4
1:  .quad ramie_copy_here - 1b
    .popsection
)");

namespace {

constexpr std::string_view note_name{"Ramie\0", 6};
constexpr std::uint32_t note_type = 1;

constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 3) & ~std::size_t{3}; }

template <class F>
void look_through(char const* notes, std::size_t size, F&& f) {
    struct header {
        std::uint32_t name, contents, type;
    };
    while (size >= sizeof(header)) {
        header h;
        std::memcpy(&h, notes, sizeof h);
        auto const whole = sizeof h + padded(h.name) + padded(h.contents);
        if (whole > size) return;
        auto const* const contents = notes + sizeof h + padded(h.name);
        if (h.type == note_type && h.contents == 8 && std::string_view(notes + sizeof h, h.name) == note_name) {
            std::int64_t distance;
            std::memcpy(&distance, contents, sizeof distance);
            f(*reinterpret_cast<copy_of_ramie const*>(contents + distance));
        }
        notes += whole;
        size -= whole;
    }
}

template <class F>
void for_each_copy(F&& f) {
    auto const look = [](dl_phdr_info* file, std::size_t, void* to) {
        for (int i = 0; i < file->dlpi_phnum; ++i) {
            auto const& part_of_file = file->dlpi_phdr[i];
            if (part_of_file.p_type != PT_NOTE || part_of_file.p_align > 4) continue;
            look_through(reinterpret_cast<char const*>(file->dlpi_addr + part_of_file.p_vaddr), part_of_file.p_memsz,
                         *static_cast<F*>(to));
        }
        return 0;
    };
    ::dl_iterate_phdr(look, &f);
}

char const* file_of(copy_of_ramie const& copy) noexcept {
    Dl_info info;
    return ::dladdr(&copy, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "?";
}

// While this object lives, this copy is loaded.
class presence {
  public:
    presence() {
        for_each_copy([](copy_of_ramie const& other) {
            if (&other == &ramie_copy_here || other.version != copy_of_ramie::current_version) return;
            meet(&other);
            other.meet(&ramie_copy_here);
        });
    }
    ~presence() {
        for_each_other([](copy_of_ramie const& other) { other.part(&ramie_copy_here); });
    }
};

presence const this_copy;

}  // namespace

std::string foreign_fiber() {
    std::string found;
    for_each_other([&](copy_of_ramie const& other) {
        std::array<char, sizeof(waiter_name)> text;
        if (found.empty() && other.describe_fiber(text.data(), text.size()))
            found = std::string(text.data()) + " of another copy of Ramie, in " + file_of(other);
    });
    return found;
}

void refuse_foreign_fiber_now() noexcept {
    for_each_other([&](copy_of_ramie const& other) {
        std::array<char, sizeof(waiter_name)> text;
        if (!other.describe_fiber(text.data(), text.size())) return;
        raw_text message;
        message << "ramie: " << text.data() << " is of the copy of Ramie in " << file_of(other) << ", and uses one in "
                << file_of(ramie_copy_here) << ", to which it is a thread whose waits would block its worker.\n"
                << "ramie: link both with the shared library, so that there is one of it\n";
        message.write_to_stderr();
        std::abort();
    });
}

}  // namespace ramie::detail
