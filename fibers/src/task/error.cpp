#include <ramie/error.hpp>

#include <ramie/detail/task/task.hpp>

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

namespace ramie {

namespace {

std::string name_of_type(std::type_info const* type) {
    if (type == nullptr) return "an unknown type";
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                     &std::free);
    return status == 0 && text ? text.get() : type->name();
}

}  // namespace

void detail::refuse_empty(char const* what, char const* why) {
    throw std::logic_error(std::string("ramie: this ") + what + " is empty: " + why);
}

std::string describe(std::exception_ptr const& cause) {
    if (!cause) return "nothing";
    try {
        std::rethrow_exception(cause);
    } catch (std::exception const& e) {
        return name_of_type(&typeid(e)) + ": " + e.what();
    } catch (...) {
        return "an exception of type " + name_of_type(abi::__cxa_current_exception_type());
    }
}

join_error::join_error(task_id id, std::string name, std::exception_ptr cause)
    : id_(id), name_(std::move(name)), cause_(std::move(cause)) {
    text_ = "task " + std::to_string(id_);
    if (!name_.empty()) text_ += " \"" + name_ + "\"";
    text_ += cause_ ? " ended by " + describe(cause_) : " was aborted";
}

void join_error::rethrow() const {
    if (cause_) std::rethrow_exception(cause_);
    throw *this;
}

}  // namespace ramie
