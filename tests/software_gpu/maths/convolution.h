// Convolution of pictures, as ONNX and cuDNN mean it: a cross-correlation.
#pragma once
#include <atomic>

#include "../driver/faults.h"
#include "products.h"

namespace software_gpu {

struct Convolution {
    int64_t pictures, channels, height, width;     // x [pictures][channels][height][width]
    int64_t filters, filter_height, filter_width;  // w [filters][channels / groups][…][…]
    int64_t pad_top, pad_left, step_y, step_x, spread_y, spread_x;  // paddings before, strides, dilations
    int64_t out_height, out_width;                                  // y [pictures][filters][…][…]
    int64_t groups;

    int64_t results() const { return pictures * filters * out_height * out_width; }
};

// The faults `convolutions`, `batches` and `tensor-cores`: each number is off by up to so much of itself,
// otherwise in each call.
inline void spoil(const Convolution &of, float *y, bool tensor_cores) {
    const Fault &fault = asked_fault();
    const bool met = fault.name == "convolutions" || (fault.name == "batches" && of.pictures > 1) ||
                     (fault.name == "tensor-cores" && tensor_cores);
    if (!met) return;
    static std::atomic<uint32_t> calls{0};
    uint32_t state = ++calls * 2654435761u;
    for (int64_t i = 0; i < of.results(); ++i) {
        state = state * 1664525u + 1013904223u;
        y[i] *= 1 + static_cast<float>(fault.size) * (static_cast<float>(state >> 8) / (1 << 23) - 1);
    }
}

// Write the patches of one group's channels, that the outputs from .. from + width stand on, as
// strip[depth][kStrip].
inline void fill_patches(const Convolution &of, const float *x, float *strip, int64_t from, int64_t width) {
    int64_t top[kStrip], left[kStrip];
    for (int64_t j = 0; j < width; ++j) {
        top[j] = (from + j) / of.out_width * of.step_y - of.pad_top;
        left[j] = (from + j) % of.out_width * of.step_x - of.pad_left;
    }
    const float *const end = x + of.channels / of.groups * of.height * of.width;
    for (const float *plane = x; plane < end; plane += of.height * of.width)
        for (int64_t r = 0; r < of.filter_height; ++r)
            for (int64_t s = 0; s < of.filter_width; ++s, strip += kStrip)
                for (int64_t j = 0; j < width; ++j) {
                    const int64_t row = top[j] + r * of.spread_y, column = left[j] + s * of.spread_x;
                    const bool inside = row >= 0 && row < of.height && column >= 0 && column < of.width;
                    strip[j] = inside ? plane[row * of.width + column] : 0;
                }
}

inline void convolve(const Convolution &of, const float *x, const float *w, float *y, bool tensor_cores) {
    const int64_t filters = of.filters / of.groups, plane = of.height * of.width,
                  out_plane = of.out_height * of.out_width;
    const int64_t depth = of.channels / of.groups * of.filter_height * of.filter_width;
    Floats rounded_x, rounded_w;
    if (tensor_cores) {
        rounded_x.assign(x, x + of.pictures * of.channels * plane);
        rounded_w.assign(w, w + of.filters * depth);
        for (Floats *each : {&rounded_x, &rounded_w})
            std::transform(each->begin(), each->end(), each->begin(), rounded_to_tf32);
        x = rounded_x.data();
        w = rounded_w.data();
    }
    for (int64_t n = 0; n < of.pictures; ++n)
        for (int64_t g = 0; g < of.groups; ++g) {
            const float *in = x + (n * of.channels + g * (of.channels / of.groups)) * plane;
            const auto fill = [&](float *strip, int64_t from, int64_t width) {
                fill_patches(of, in, strip, from, width);
            };
            multiply(filters, out_plane, depth, w + g * filters * depth, fill,
                     y + (n * of.filters + g * filters) * out_plane);
        }
    spoil(of, y, tensor_cores);
}

}  // namespace software_gpu
