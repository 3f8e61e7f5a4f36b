#include "memory.h"

#include <sys/mman.h>

#include <map>
#include <mutex>

#include "figures.h"
#include "holders.h"

namespace software_gpu {
namespace {

struct Range {
    Kind kind = Kind::kUnknown;
    size_t size = 0;
    uintptr_t start = 0;
};

constexpr size_t kPage = 4096;

std::recursive_mutex lock;
uint64_t taken = 0;
bool context = false;

// never destroyed: libraries free what they hold while the process ends
std::map<uintptr_t, Range> &ranges() {
    static auto *table = new std::map<uintptr_t, Range>;
    return *table;
}

uint64_t charge(Kind kind, size_t size) {
    return kind == Kind::kDevice ? (size + kGranule - 1) / kGranule * kGranule : 0;
}

// A page that is not mapped stands behind each range, so that who runs beyond its end is noticed.
size_t mapped(size_t size) { return (size + kPage - 1) / kPage * kPage + kPage; }

void tell_all() { tell(taken + (context ? kContextBytes : 0)); }

Range find(const void *pointer) {
    std::lock_guard guard(lock);
    const auto at = reinterpret_cast<uintptr_t>(pointer);
    auto next = ranges().upper_bound(at);
    if (next == ranges().begin()) return {};
    const Range range = (--next)->second;
    return at < range.start + range.size ? range : Range{};
}

}  // namespace

void *allocate(size_t size, Kind kind) {
    std::lock_guard guard(lock);
    if (charge(kind, size) > left()) return nullptr;
    void *at = mmap(nullptr, mapped(size), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    mprotect(static_cast<char *>(at) + mapped(size) - kPage, kPage, PROT_NONE);
    const auto start = reinterpret_cast<uintptr_t>(at);
    ranges()[start] = {kind, size, start};
    taken += charge(kind, size);
    tell_all();
    return at;
}

bool release(void *at) {
    std::lock_guard guard(lock);
    const auto found = ranges().find(reinterpret_cast<uintptr_t>(at));
    if (found == ranges().end()) return false;
    const Range range = found->second;
    munmap(at, mapped(range.size));
    taken -= charge(range.kind, range.size);
    ranges().erase(found);
    tell_all();
    return true;
}

Kind kind_of(const void *at) { return find(at).kind; }

bool on_device(const void *at, size_t size) {
    if (!size) return true;
    const Range range = find(at);
    return range.kind != Kind::kUnknown && reinterpret_cast<uintptr_t>(at) + size <= range.start + range.size;
}

uint64_t left() { return used() < whole() ? whole() - used() : 0; }

void context_opened(bool open) {
    std::lock_guard guard(lock);
    context = open;
    tell_all();
}

}  // namespace software_gpu
