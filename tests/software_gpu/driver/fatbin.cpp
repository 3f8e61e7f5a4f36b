// NVIDIA documents no fatbin. stackfix's own measure/fatbin.py names the fields of an entry that are read
// here too.
#include "fatbin.h"

#include <cstdint>
#include <cstring>

#include "figures.h"

namespace software_gpu {
namespace {

constexpr uint32_t kContainer = 0xBA55ED50, kWrapper = 0x466243B1;
constexpr unsigned kPtx = 1;
constexpr uint64_t kLz4 = 0x2000, kAnyPacking = 0xF000;
constexpr size_t kLeastEntry = 64;
constexpr unsigned kArchitecture = kMajor * 10 + kMinor;

using Bytes = const unsigned char *;

template <class T>
T at(Bytes from, size_t offset) {
    T value;
    std::memcpy(&value, from + offset, sizeof value);
    return value;
}

// Return what a block of LZ4 holds, "" where it is none.
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
std::string unpacked(Bytes from, size_t size, size_t whole) {
    std::string out;
    out.reserve(whole);
    const Bytes end = from + size;
    const auto length = [&](size_t sum) {
        if (sum == 15)
            for (unsigned char more = 255; more == 255 && from < end;) sum += more = *from++;
        return sum;
    };
    while (from < end) {
        const unsigned token = *from++;
        const size_t literals = length(token >> 4);
        if (literals > static_cast<size_t>(end - from)) return {};
        out.append(reinterpret_cast<const char *>(from), literals);
        from += literals;
        if (from >= end) break;
        const size_t back = at<uint16_t>(from, 0);
        from += 2;
        const size_t copied = length(token & 15) + 4;
        if (!back || back > out.size()) return {};
        for (size_t i = 0; i < copied; ++i) out.push_back(out[out.size() - back]);
    }
    return out.size() == whole ? out : std::string();
}

std::string content(Bytes entry) {
    const Bytes from = entry + at<uint32_t>(entry, 4);
    const auto bytes = at<uint64_t>(entry, 8), flags = at<uint64_t>(entry, 40);
    if (flags & kLz4) return unpacked(from, at<uint32_t>(entry, 16), at<uint64_t>(entry, 56));
    return flags & kAnyPacking ? "" : std::string(reinterpret_cast<const char *>(from), bytes);
}

}  // namespace

std::string ptx_of(const void *image) {
    auto container = static_cast<Bytes>(image);
    if (at<uint32_t>(container, 0) == kWrapper) container = at<Bytes>(container, 8);
    if (at<uint32_t>(container, 0) != kContainer) {
        const char *text = reinterpret_cast<const char *>(container);
        return std::strstr(text, ".version") ? text : "";
    }
    const size_t header = at<uint16_t>(container, 6), size = at<uint64_t>(container, 8);
    std::string best;
    unsigned newest = 0;
    for (size_t offset = header; offset + kLeastEntry <= header + size;) {
        const Bytes entry = container + offset;
        const auto architecture = at<uint32_t>(entry, 28);
        if (at<uint16_t>(entry, 0) == kPtx && architecture <= kArchitecture && architecture > newest) {
            best = content(entry);
            if (!best.empty()) newest = architecture;
        }
        offset += at<uint32_t>(entry, 4) + at<uint64_t>(entry, 8);
    }
    return best;
}

}  // namespace software_gpu
