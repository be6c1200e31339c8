// error: writing variable 'count_' requires holding lock 'lock_' exclusively
#include <ramie/detail/fence/word_lock.hpp>

class counter {
  public:
    void add() { ++count_; }

  private:
    ramie::detail::word_lock lock_;
    int count_ RAMIE_GUARDED_BY(lock_) = 0;
};
