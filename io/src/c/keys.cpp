#include "c/keys.hpp"

#include "c/answer.hpp"

#include <ramie/fiber_local.hpp>
#include <ramie/ramie.h>

#include <memory>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace ramie::detail {

keys& keys::of_process() noexcept {
    static keys all;  // never destroyed: it has no destructor to run, and threads may end late
    static_assert(std::is_trivially_destructible_v<keys>);
    return all;
}

unsigned keys::create(destructor d) {
    std::lock_guard const held(changing_);
    for (unsigned key = 0; key < most; ++key) {
        auto& e = all_[key];
        auto const before = e.generation.load(std::memory_order_relaxed);
        if (is_used(before)) continue;
        e.destroy.store(d, std::memory_order_relaxed);
        e.generation.store(before + 1, std::memory_order_relaxed);
        return key;
    }
    throw std::system_error(EAGAIN, std::generic_category(), "ramie: no more keys");
}

bool keys::remove(unsigned key) noexcept {
    std::lock_guard const held(changing_);
    if (generation(key) == 0) return false;
    all_[key].generation.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void key_values::set(unsigned key, void* value) {
    auto const generation = keys::of_process().generation(key);
    if (generation == 0) throw std::invalid_argument("ramie: there is no such key");
    if (key >= values_.size()) values_.resize(key + std::size_t{1});
    values_[key] = {value, generation};
}

void* key_values::get(unsigned key) const noexcept {
    if (key >= values_.size() || values_[key].value == nullptr) return nullptr;
    return values_[key].generation == keys::of_process().generation(key) ? values_[key].value : nullptr;
}

void key_values::end() noexcept {
    for (int round = 0; round < keys::rounds && destroy_once(); ++round) {}
    values_.clear();  // what is still set after that is left alone, as POSIX has it
}

// True: it called something, which may have set values.
bool key_values::destroy_once() noexcept {
    bool called = false;
    for (unsigned key = 0; key < values_.size(); ++key) {
        auto* const value = get(key);
        values_[key].value = nullptr;
        if (value == nullptr) continue;
        if (auto const destroy = keys::of_process().destructor_of(key)) {
            destroy(value);
            called = true;
        }
    }
    return called;
}

namespace {
fiber_local<std::unique_ptr<key_values>> values;
}

key_values* key_values::mine() noexcept {
    auto const* const found = values.try_get();
    return found != nullptr ? found->get() : nullptr;
}

key_values& key_values::make_mine() {
    if (auto* const found = mine()) return *found;
    values.set(std::make_unique<key_values>());
    return *mine();
}

}  // namespace ramie::detail

using ramie::detail::answer;
using ramie::detail::key_values;
using ramie::detail::keys;

extern "C" {

int ramie_key_create(ramie_key_t* key, void (*destroy)(void*)) {
    return answer([&] { *key = keys::of_process().create(destroy); });
}
int ramie_key_delete(ramie_key_t key) { return keys::of_process().remove(key) ? 0 : EINVAL; }
int ramie_setspecific(ramie_key_t key, void const* value) {
    return answer([&] { key_values::make_mine().set(key, const_cast<void*>(value)); });
}
void* ramie_getspecific(ramie_key_t key) {
    auto const* const mine = key_values::mine();
    return mine != nullptr ? mine->get(key) : nullptr;
}

}  // extern "C"
