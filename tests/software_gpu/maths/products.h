// Products of matrices in 32 bits, one thread, sums in the order of their terms.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace software_gpu {

using Floats = std::vector<float>;

constexpr int64_t kStrip = 32;  // columns that are computed together
constexpr int64_t kRows = 6;    // rows that are, so that their sums stay in registers

// As tensor cores read a 32-bit number: rounded to 10 bits behind the point.
inline float rounded_to_tf32(float number) {
    uint32_t raw;
    std::memcpy(&raw, &number, sizeof raw);
    if ((raw & 0x7f800000) == 0x7f800000) return number;
    raw = (raw + 0x1000) & ~0x1fffu;
    std::memcpy(&number, &raw, sizeof raw);
    return number;
}

template <int64_t rows>
void multiply_rows(const float *a, const float *strip, int64_t depth, float *c, int64_t columns,
                   int64_t width) {
    float sums[rows][kStrip] = {};
    for (int64_t k = 0; k < depth; ++k)
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < kStrip; ++j) sums[i][j] += a[i * depth + k] * strip[k * kStrip + j];
    for (int64_t i = 0; i < rows; ++i) std::memcpy(c + i * columns, sums[i], width * sizeof(float));
}

// C [rows][columns] = A [rows][depth] times B, all by rows. `fill(strip, from, width)` writes the columns
// from .. from + width of B as strip[depth][kStrip].
template <class Fill>
void multiply(int64_t rows, int64_t columns, int64_t depth, const float *a, Fill fill, float *c) {
    Floats strip(depth * kStrip);
    for (int64_t from = 0; from < columns; from += kStrip) {
        const int64_t width = std::min(kStrip, columns - from);
        fill(strip.data(), from, width);
        int64_t row = 0;
        for (; row + kRows <= rows; row += kRows)
            multiply_rows<kRows>(a + row * depth, strip.data(), depth, c + row * columns + from, columns,
                                 width);
        for (; row < rows; ++row)
            multiply_rows<1>(a + row * depth, strip.data(), depth, c + row * columns + from, columns, width);
    }
}

}  // namespace software_gpu
