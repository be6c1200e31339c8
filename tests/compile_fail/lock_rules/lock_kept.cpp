// error: lock 'lock_' is still held at the end of function
#include <ramie/detail/fence/word_lock.hpp>

class counter {
  public:
    void add() {
        lock_.lock();
        ++count_;
    }

  private:
    ramie::detail::word_lock lock_;
    int count_ RAMIE_GUARDED_BY(lock_) = 0;
};
