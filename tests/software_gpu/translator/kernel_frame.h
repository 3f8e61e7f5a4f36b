// What a translated kernel stands on: numbers as PTX means them, and the loop over blocks and threads.
// https://docs.nvidia.com/cuda/parallel-thread-execution/
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

struct Thread {
    const unsigned *tid, *ctaid, *ntid, *nctaid;
    const unsigned char *parameters;
};

template <class To, class From>
inline To bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "bits are neither lost nor made");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

template <class T>
inline T load(uint64_t at) {
    T value;
    std::memcpy(&value, reinterpret_cast<const void *>(at), sizeof value);
    return value;
}
template <class T>
inline void store(uint64_t at, T value) {
    std::memcpy(reinterpret_cast<void *>(at), &value, sizeof value);
}

// .ftz: a number too small for its exponent is zero
inline float flushed(float value) {
    return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}
// .sat: between 0 and 1, and no number is 0
inline float saturated(float value) { return value >= 0 ? (value > 1 ? 1.0f : value) : 0.0f; }

// min and max give the number where the other is none; of two zeros -0 is the lesser.
template <class T>
inline T least(T a, T b) {
    return a < b ? a : b;
}
template <class T>
inline T most(T a, T b) {
    return a > b ? a : b;
}
template <>
inline float least(float a, float b) {
    if (a == b) return std::signbit(a) ? a : b;
    return std::isnan(a) || b < a ? b : a;
}
template <>
inline float most(float a, float b) {
    if (a == b) return std::signbit(a) ? b : a;
    return std::isnan(a) || b > a ? b : a;
}

// A number that is whole already, as an integer: the nearest that the type has, and no number is 0.
template <class To>
inline To as_integer(float whole) {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(whole)) return 0;
    if (static_cast<double>(whole) <= static_cast<double>(Limits::min())) return Limits::min();
    if (static_cast<double>(whole) >= static_cast<double>(Limits::max())) return Limits::max();
    return static_cast<To>(whole);
}

// a * b + c rounded down: the nearest number, or the one below it where it lies above the exact sum.
inline float fused_down(float a, float b, float c) {
    const double product = static_cast<double>(a) * b, sum = product + c;  // the product is exact
    const double part = sum - product, lost = (product - (sum - part)) + (c - part);
    const float near = static_cast<float>(sum);
    if (!std::isfinite(near)) return near;
    const double beyond = static_cast<double>(near) - sum;  // exact: both are close
    return beyond > 0 || (beyond == 0 && lost < 0) ? std::nextafter(near, -INFINITY) : near;
}

template <class Kernel>
inline void run_threads(const unsigned grid[3], const unsigned block[3], const unsigned char *parameters,
                        Kernel kernel) {
    unsigned at[3], in[3];
    const Thread thread{in, at, block, grid, parameters};
    for (at[2] = 0; at[2] < grid[2]; ++at[2])
        for (at[1] = 0; at[1] < grid[1]; ++at[1])
            for (at[0] = 0; at[0] < grid[0]; ++at[0])
                for (in[2] = 0; in[2] < block[2]; ++in[2])
                    for (in[1] = 0; in[1] < block[1]; ++in[1])
                        for (in[0] = 0; in[0] < block[0]; ++in[0]) kernel(thread);
}
