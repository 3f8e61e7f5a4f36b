// libcublas.so.12: products and sums of matrices in 32 bits on the CPU. Numbers are those of cublas_api.h of
// CUDA 12.
#include "../driver/cuda_numbers.h"
#include "products.h"

using namespace software_gpu;

namespace {

enum Status : int { kDone = 0, kExecutionFailed = 13 };
constexpr int kTf32Mode = 3;  // CUBLAS_TF32_TENSOR_OP_MATH; other bits beside it say how sums are rounded

struct Handle {
    int mode = 0;  // CUBLAS_DEFAULT_MATH
};

struct Matrix {  // by columns, as cuBLAS has them
    const float *at;
    int64_t leading;
    bool turned;

    float operator()(int64_t row, int64_t column) const {
        return turned ? at[column + row * leading] : at[row + column * leading];
    }
};

// c [columns][rows] in memory = alpha a b + beta c
void product(const Handle &handle, int64_t rows, int64_t columns, int64_t depth, float alpha, Matrix a,
             Matrix b, float beta, float *c, int64_t leading) {
    const auto read = (handle.mode & 15) == kTf32Mode ? rounded_to_tf32 : [](float number) { return number; };
    Floats left(columns * depth), sums(columns * rows);
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < depth; ++k) left[j * depth + k] = read(b(k, j));
    const auto fill = [&](float *strip, int64_t from, int64_t width) {
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t i = 0; i < width; ++i) strip[k * kStrip + i] = read(a(from + i, k));
    };
    multiply(columns, rows, depth, left.data(), fill, sums.data());
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = 0; i < rows; ++i) {
            float &to = c[i + j * leading];
            to = alpha * sums[i + j * rows] + (beta != 0 ? beta * to : 0);
        }
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle **handle) {
    *handle = new Handle;
    return kDone;
}
int cublasDestroy_v2(Handle *handle) {
    delete handle;
    return kDone;
}
int cublasSetStream_v2(Handle *, void *) { return kDone; }
int cublasSetMathMode(Handle *handle, int mode) {
    handle->mode = mode;
    return kDone;
}
int cublasGetMathMode(Handle *handle, int *mode) {
    *mode = handle->mode;
    return kDone;
}

int cublasSgemmStridedBatched(Handle *handle, int turned_a, int turned_b, int rows, int columns, int depth,
                              const float *alpha, const float *a, int leading_a, long long step_a,
                              const float *b, int leading_b, long long step_b, const float *beta, float *c,
                              int leading_c, long long step_c, int count) {
    if (softwareGpuWork()) return kExecutionFailed;
    for (int i = 0; i < count; ++i)
        product(*handle, rows, columns, depth, *alpha, {a + i * step_a, leading_a, turned_a != 0},
                {b + i * step_b, leading_b, turned_b != 0}, *beta, c + i * step_c, leading_c);
    return kDone;
}
int cublasSgemm_v2(Handle *handle, int turned_a, int turned_b, int rows, int columns, int depth,
                   const float *alpha, const float *a, int leading_a, const float *b, int leading_b,
                   const float *beta, float *c, int leading_c) {
    return cublasSgemmStridedBatched(handle, turned_a, turned_b, rows, columns, depth, alpha, a, leading_a, 0,
                                     b, leading_b, 0, beta, c, leading_c, 0, 1);
}
int cublasSgeam(Handle *, int turned_a, int turned_b, int rows, int columns, const float *alpha,
                const float *a, int leading_a, const float *beta, const float *b, int leading_b, float *c,
                int leading_c) {
    if (softwareGpuWork()) return kExecutionFailed;
    const Matrix left{a, leading_a, turned_a != 0}, right{b, leading_b, turned_b != 0};
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = 0; i < rows; ++i)
            c[i + j * leading_c] =
                (*alpha != 0 ? *alpha * left(i, j) : 0) + (*beta != 0 ? *beta * right(i, j) : 0);
    return kDone;
}

const char *cublasGetStatusName(int status) {
    switch (status) {
        case kDone: return "CUBLAS_STATUS_SUCCESS";
        case kExecutionFailed: return "CUBLAS_STATUS_EXECUTION_FAILED";
        default: return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
}
const char *cublasGetStatusString(int status) {
    switch (status) {
        case kDone: return "success";
        case kExecutionFailed: return "the function failed to launch on the GPU";
        default: return "the requested functionality is not supported";
    }
}

}  // extern "C"
