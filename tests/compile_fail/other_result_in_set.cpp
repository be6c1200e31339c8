// error: ramie: the callable does not return what this join_set joins
#include <ramie/join_set.hpp>

#include <string>

void mistake() {
    ramie::join_set<int> set;
    set.spawn([] { return std::string("one"); });
}
