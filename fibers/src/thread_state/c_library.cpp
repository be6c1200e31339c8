#include "thread_state/c_library.hpp"

#include "thread_state/thread_pointer.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/thread_state/require.hpp>
#include <ramie/own_thread_state.hpp>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <system_error>

#include <features.h>

#if defined(__x86_64__) && defined(__GLIBC__) && !RAMIE_ASAN && !RAMIE_TSAN
#define RAMIE_HAS_THREAD_STATES 1
#else
#define RAMIE_HAS_THREAD_STATES 0
#endif

#if RAMIE_HAS_THREAD_STATES
#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif
#endif

namespace ramie::detail {

namespace {

#if RAMIE_HAS_THREAD_STATES

constexpr unsigned long register_may_be_written = 1ul << 1;  // HWCAP2_FSGSBASE

// How libthread_db is told of a field: its size in bits, how many there are, where the first is.
struct field {
    std::uint32_t bits, count, offset;
};

class look_up {
  public:
    explicit look_up(c_library& into) noexcept : found_(into) {}

    void all() noexcept {
        if (RUNNING_ON_VALGRIND) return refuse("Valgrind does not know the instruction wrfsbase");
        if ((::getauxval(AT_HWCAP2) & register_may_be_written) == 0)
            return refuse("the processor or the kernel does not let a program write its thread pointer (FSGSBASE)");
        if (!functions() || !offsets() || !own_locals()) return;
        if (auto const* const at = symbol<std::ptrdiff_t const>("__rseq_offset")) found_.rseq = *at;
    }

  private:
    bool functions() noexcept {
        return take(found_.allocate, "_dl_allocate_tls", "this C library has no _dl_allocate_tls") &&
               take(found_.deallocate, "_dl_deallocate_tls", "this C library has no _dl_deallocate_tls") &&
               take(found_.begin_ctype, "__ctype_init", "this C library has no __ctype_init") &&
               take(found_.end_thread_locals, "__call_tls_dtors", "this C library has no __call_tls_dtors") &&
               take(found_.keys, "__pthread_keys", "this C library has no __pthread_keys");
    }

    bool offsets() noexcept {
        auto const* const here = static_cast<std::byte const*>(thread_pointer());
        auto const* const size = symbol<std::uint32_t const>("_thread_db_sizeof_pthread");
        auto const* const number = symbol<field const>("_thread_db_pthread_tid");
        auto const* const list = symbol<field const>("_thread_db_pthread_list");
        auto const* const key_size = symbol<std::uint32_t const>("_thread_db_sizeof_pthread_key_struct");
        auto const* const key_sequence = symbol<field const>("_thread_db_pthread_key_struct_seq");
        auto const* const destructor = symbol<field const>("_thread_db_pthread_key_struct_destr");
        auto const* const values = symbol<field const>("_thread_db_pthread_specific");
        if (size == nullptr || number == nullptr || list == nullptr || key_size == nullptr || key_sequence == nullptr ||
            destructor == nullptr || values == nullptr)
            return refuse("this C library does not say how its threads' control blocks are laid out"), false;
        if (*key_size != sizeof(c_library::key) || key_sequence->offset != offsetof(c_library::key, sequence) ||
            destructor->offset != offsetof(c_library::key, destructor) ||
            values->bits != CHAR_BIT * sizeof(void*) * PTHREAD_KEYS_MAX / c_library::keys_of_group)
            return refuse("this C library keeps its pthread keys in another form"), false;
        found_.size = *size;
        found_.number = number->offset;
        found_.list = list->offset;
        found_.values = values->offset;
        found_.robust_list = number->offset + robust_list_behind_number;
        if (number->bits != 32 || found_.robust_list + sizeof(void*) > found_.size || read<int>(here + found_.number) != ::gettid())
            return refuse("this C library keeps its threads' numbers in another place"), false;
        if (read<void const*>(here + found_.robust_list) != here + found_.robust_list)
            return refuse("this C library keeps its list of robust mutexes in another place"), false;
        if (read<void const*>(here) != here || read<void const*>(here + 2 * sizeof(void*)) != here)
            return refuse("this C library's control block of a thread begins in another way"), false;
        return true;
    }

    // Those in which errno lies.
    bool own_locals() noexcept {
        struct wanted {
            std::uintptr_t inside;
            std::uintptr_t begin = 0;
            std::size_t size = 0;
        } w{reinterpret_cast<std::uintptr_t>(&errno)};
        ::dl_iterate_phdr(
            [](dl_phdr_info* module, std::size_t, void* to) {
                auto& found = *static_cast<wanted*>(to);
                auto const begin = reinterpret_cast<std::uintptr_t>(module->dlpi_tls_data);
                for (int i = 0; i < module->dlpi_phnum && begin != 0; ++i) {
                    auto const& part = module->dlpi_phdr[i];
                    if (part.p_type == PT_TLS && begin <= found.inside && found.inside < begin + part.p_memsz)
                        found.begin = begin, found.size = part.p_memsz;
                }
                return 0;
            },
            &w);
        auto const here = reinterpret_cast<std::uintptr_t>(thread_pointer());
        if (w.begin == 0 || w.begin + w.size > here)
            return refuse("this C library's thread-locals are not found"), false;
        found_.own_locals = static_cast<std::ptrdiff_t>(w.begin - here);
        found_.size_of_own_locals = w.size;
        return true;
    }

    // The number, one that is not used, and the link that leads back.
    static constexpr std::size_t robust_list_behind_number = 2 * sizeof(int) + sizeof(void*);

    template <class T>
    static T* symbol(char const* name) noexcept {
        return static_cast<T*>(const_cast<void const*>(::dlsym(RTLD_DEFAULT, name)));
    }
    template <class T>
    static T read(std::byte const* at) noexcept {
        T value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
    template <class T>
    bool take(T& into, char const* name, std::string_view otherwise) noexcept {
        auto* const found = ::dlsym(RTLD_DEFAULT, name);
        if (found == nullptr) return refuse(otherwise), false;
        std::memcpy(&into, &found, sizeof into);
        return true;
    }
    void refuse(std::string_view why) noexcept { found_.missing = why; }

    c_library& found_;
};

#endif

c_library look() noexcept {
    c_library found;
#if RAMIE_HAS_THREAD_STATES
    look_up(found).all();
#elif RAMIE_ASAN || RAMIE_TSAN
    found.missing = "a sanitizer keeps its own state of each thread";
#elif !defined(__GLIBC__)
    found.missing = "only glibc is known";
#else
    found.missing = "only x86-64 is known";
#endif
    return found;
}

}  // namespace

c_library const& c_library::found() noexcept {
    static c_library const once = look();
    return once;
}

void require_own_thread_state() {
    auto const missing = missing_for_own_thread_state();
    if (missing.empty()) return;
    throw std::system_error(std::make_error_code(std::errc::not_supported),
                            "ramie: task_options::own_thread_state: " + std::string(missing));
}

}  // namespace ramie::detail

namespace ramie {

std::string_view missing_for_own_thread_state() noexcept { return detail::c_library::found().missing; }

}  // namespace ramie
