// libcudnn.so.9: handles, descriptors, and what cuDNN computes without a graph, of packed 32-bit numbers.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "../driver/cuda_numbers.h"
#include "cudnn_numbers.h"

namespace software_gpu {
namespace {

constexpr size_t kVersion = 91002;

thread_local std::string last_refusal;

struct Handle {
    void *stream = nullptr;
};

struct Tensor {
    int type = kFloat;
    std::vector<int64_t> dimensions, strides;

    int64_t count() const {
        int64_t product = 1;
        for (const int64_t each : dimensions) product *= each;
        return product;
    }
    int64_t planes() const { return dimensions[0] * dimensions[1]; }
    bool plain() const {  // packed 32-bit numbers
        int64_t step = 1;
        for (size_t i = dimensions.size(); i-- > 0; step *= dimensions[i])
            if (dimensions[i] != 1 && strides[i] != step) return false;
        return type == kFloat;
    }
};

struct Pooling {
    int mode = 0;
    std::vector<int64_t> window, padding, stride;
};

struct Reduction {
    int operation = 0;
};

template <class T>
int make(T **out) {
    *out = new T;
    return kDone;
}
template <class T>
int unmake(T *made) {
    delete made;
    return kDone;
}

bool scaled(const void *alpha, const void *beta) {
    return *static_cast<const float *>(alpha) != 1 || *static_cast<const float *>(beta) != 0;
}

// One number of the pooled plane, from the window that begins at (top, left).
float pooled(const Pooling &how, const float *plane, int64_t height, int64_t width, int64_t top,
             int64_t left) {
    const int64_t bottom = std::min(top + how.window[0], height),
                  right = std::min(left + how.window[1], width);
    float most = -INFINITY;
    double sum = 0;
    int64_t count = 0;
    for (int64_t y = std::max<int64_t>(top, 0); y < bottom; ++y)
        for (int64_t x = std::max<int64_t>(left, 0); x < right; ++x, ++count) {
            const float number = plane[y * width + x];
            most = std::isnan(number) || number > most ? number : most;
            sum += number;
        }
    if (how.mode == kPoolMaximum || how.mode == kPoolMaximumAlways) return most;
    return static_cast<float>(
        sum / static_cast<double>(how.mode == kPoolWithPadding ? how.window[0] * how.window[1] : count));
}

}  // namespace

int refuse(Status status, const std::string &why) {
    last_refusal = why;
    return status;
}

}  // namespace software_gpu

using namespace software_gpu;

extern "C" {

size_t cudnnGetVersion() { return kVersion; }
const char *cudnnGetErrorString(int status) {
    switch (status) {
        case kDone: return "CUDNN_STATUS_SUCCESS";
        case kBadParameter: return "CUDNN_STATUS_BAD_PARAM";
        case kNotFinalized: return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
        case kUnsupportedPattern: return "CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN";
        case kExecutionFailed: return "CUDNN_STATUS_EXECUTION_FAILED";
        default: return "CUDNN_STATUS_NOT_SUPPORTED";
    }
}
void cudnnGetLastErrorString(char *text, size_t size) {
    std::snprintf(text, size, "%s", last_refusal.c_str());
}

int cudnnCreate(Handle **handle) { return make(handle); }
int cudnnDestroy(Handle *handle) { return unmake(handle); }
int cudnnSetStream(Handle *handle, void *stream) {
    handle->stream = stream;
    return kDone;
}
int cudnnGetStream(Handle *handle, void **stream) {
    *stream = handle->stream;
    return kDone;
}

int cudnnCreateTensorDescriptor(Tensor **made) { return make(made); }
int cudnnDestroyTensorDescriptor(Tensor *made) { return unmake(made); }
int cudnnSetTensorNdDescriptor(Tensor *made, int type, int rank, const int dimensions[],
                               const int strides[]) {
    *made = {type, {dimensions, dimensions + rank}, {strides, strides + rank}};
    return kDone;
}
int cudnnCreatePoolingDescriptor(Pooling **made) { return make(made); }
int cudnnDestroyPoolingDescriptor(Pooling *made) { return unmake(made); }
int cudnnSetPoolingNdDescriptor(Pooling *made, int mode, int, int rank, const int window[],
                                const int padding[], const int stride[]) {
    *made = {mode, {window, window + rank}, {padding, padding + rank}, {stride, stride + rank}};
    return kDone;
}
int cudnnCreateReduceTensorDescriptor(Reduction **made) { return make(made); }
int cudnnDestroyReduceTensorDescriptor(Reduction *made) { return unmake(made); }
int cudnnSetReduceTensorDescriptor(Reduction *made, int operation, int, int, int, int) {
    made->operation = operation;
    return kDone;
}
// The provider makes and destroys these for each node; nothing is done with them.
int cudnnCreateFilterDescriptor(Tensor **made) { return make(made); }
int cudnnDestroyFilterDescriptor(Tensor *made) { return unmake(made); }
int cudnnDestroyActivationDescriptor(void *) { return kDone; }
int cudnnDestroyConvolutionDescriptor(void *) { return kDone; }
int cudnnDestroyDropoutDescriptor(void *) { return kDone; }

// C += A, where A has one number for each channel of C.
int cudnnAddTensor(Handle *, const void *alpha, const Tensor *a_of, const float *a, const void *beta,
                   const Tensor *c_of, float *c) {
    if (softwareGpuWork()) return refuse(kExecutionFailed, "the device fails");
    const bool once = *static_cast<const float *>(alpha) == 1 && *static_cast<const float *>(beta) == 1;
    if (!once || !a_of->plain() || !c_of->plain() || a_of->count() != c_of->dimensions[1])
        return refuse(kUnsupported, "more than one number for each channel");
    const int64_t plane = c_of->count() / c_of->planes();
    for (int64_t i = 0; i < c_of->count(); ++i) c[i] += a[i / plane % c_of->dimensions[1]];
    return kDone;
}

int cudnnPoolingForward(Handle *, const Pooling *how, const void *alpha, const Tensor *x_of, const float *x,
                        const void *beta, const Tensor *y_of, float *y) {
    if (softwareGpuWork()) return refuse(kExecutionFailed, "the device fails");
    if (scaled(alpha, beta) || !x_of->plain() || !y_of->plain() || how->window.size() != 2)
        return refuse(kUnsupported, "pooling of anything but pictures");
    const int64_t height = x_of->dimensions[2], width = x_of->dimensions[3];
    for (int64_t plane = 0; plane < y_of->planes(); ++plane)
        for (int64_t row = 0; row < y_of->dimensions[2]; ++row)
            for (int64_t column = 0; column < y_of->dimensions[3]; ++column)
                *y++ =
                    pooled(*how, x + plane * height * width, height, width,
                           row * how->stride[0] - how->padding[0], column * how->stride[1] - how->padding[1]);
    return kDone;
}

int cudnnGetReductionIndicesSize(Handle *, Reduction *, Tensor *, Tensor *, size_t *size) {
    *size = 0;
    return kDone;
}
int cudnnGetReductionWorkspaceSize(Handle *, Reduction *, Tensor *, Tensor *, size_t *size) {
    *size = 0;
    return kDone;
}
// C = the sum, the mean or the length of A over the dimensions in which C has one.
int cudnnReduceTensor(Handle *, const Reduction *how, void *, size_t, void *, size_t, const void *alpha,
                      const Tensor *a_of, const float *a, const void *beta, const Tensor *c_of, float *c) {
    if (softwareGpuWork()) return refuse(kExecutionFailed, "the device fails");
    const bool mean = how->operation == kReduceMean, length = how->operation == kReduceLength;
    if (scaled(alpha, beta) || !a_of->plain() || !c_of->plain() ||
        (!mean && !length && how->operation != kReduceSum))
        return refuse(kUnsupported, "a reduction that is no sum, mean or length");
    std::vector<double> sums(c_of->count());
    for (int64_t i = 0; i < a_of->count(); ++i) {
        int64_t rest = i, place = 0, step = 1;
        for (size_t axis = a_of->dimensions.size(); axis-- > 0; rest /= a_of->dimensions[axis]) {
            const int64_t kept = c_of->dimensions[axis];
            place += kept == 1 ? 0 : rest % a_of->dimensions[axis] * step;
            step *= kept;
        }
        sums[place] += length ? static_cast<double>(a[i]) * a[i] : a[i];
    }
    const double share = mean ? static_cast<double>(c_of->count()) / static_cast<double>(a_of->count()) : 1;
    for (size_t i = 0; i < sums.size(); ++i)
        c[i] = static_cast<float>(length ? std::sqrt(sums[i]) : sums[i] * share);
    return kDone;
}

}  // extern "C"
