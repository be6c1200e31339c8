#include <ramie/detail/fence/word_lock.hpp>

class counter {
  public:
    void add() {
        ramie::detail::word_guard const held(lock_);
        step();
    }
    void add_slowly() {
        lock_.lock();
        finish();
    }

  private:
    void step() RAMIE_UNDER(lock_) { ++count_; }
    void finish() RAMIE_GIVES_UP(lock_) {
        step();
        lock_.unlock();
    }

    ramie::detail::word_lock lock_;
    int count_ RAMIE_GUARDED_BY(lock_) = 0;
};
