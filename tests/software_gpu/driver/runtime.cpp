// libcudart.so.12: CUDA's runtime over this folder's driver, as far as onnxruntime's CUDA provider calls it.
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "cuda_numbers.h"
#include "figures.h"

using namespace software_gpu;

namespace {

thread_local int last = kSuccess;  // the last error, which cudaGetLastError takes away
thread_local bool current = false;

int said(int error) {
    if (error) last = error;
    return error;
}

int begin() {
    static const int result = cuInit(0);
    return result;
}

// The primary context, made before the first work of a process and current in each thread that works.
int context() {
    static std::mutex lock;
    static Context *primary = nullptr;
    if (current) return kSuccess;
    if (const int error = begin()) return error;
    std::lock_guard guard(lock);
    if (!primary)
        if (const int error = cuDevicePrimaryCtxRetain(&primary, 0)) return error;
    current = cuCtxSetCurrent(primary) == kSuccess;
    return kSuccess;
}

template <class Call>
int work(Call call) {
    const int error = context();
    return said(error ? error : call());
}

DevicePointer device(const void *at) { return reinterpret_cast<DevicePointer>(at); }

enum Copy : int {
    kHostToHost = 0,
    kHostToDevice = 1,
    kDeviceToHost = 2,
    kDeviceToDevice = 3
};  // cudaMemcpyKind

int copy(void *to, const void *from, size_t size, int kind) {
    switch (kind) {
        case kHostToHost: std::memcpy(to, from, size); return kSuccess;
        case kHostToDevice: return cuMemcpyHtoD_v2(device(to), from, size);
        case kDeviceToHost: return cuMemcpyDtoH_v2(to, device(from), size);
        case kDeviceToDevice: return cuMemcpyDtoD_v2(device(to), device(from), size);
        default: return kInvalidValue;
    }
}

struct Kernel {
    Module *module;
    std::string name;
};

std::mutex registering;
std::unordered_map<const void *, Kernel> &kernels() {
    static auto *table = new std::unordered_map<const void *, Kernel>;
    return *table;
}

int function_of(const void *stub, Function **function) {
    std::lock_guard guard(registering);
    const auto found = kernels().find(stub);
    if (found == kernels().end()) return kInvalidDeviceFunction;
    const int error = cuModuleGetFunction(function, found->second.module, found->second.name.c_str());
    return error == kNotFound ? kInvalidDeviceFunction : error;
}

struct Configuration {
    Extent grid, block;
    size_t shared;
    void *stream;
};
thread_local std::vector<Configuration> configurations;

// Offsets and size of cudaDeviceProp, driver_types.h of CUDA 12.8.
constexpr size_t kPropertiesSize = 1032, kUuidAt = 256, kTotalMemoryAt = 288, kSharedPerBlockAt = 296,
                 kWarpSizeAt = 308, kMostThreadsAt = 320, kThreadsDimensionAt = 324, kGridSizeAt = 336,
                 kMajorAt = 360, kMinorAt = 364, kMultiprocessorsAt = 388, kUnifiedAddressingAt = 604,
                 kMostThreadsOfProcessorAt = 624;

struct Named {
    int number;
    const char *name;
    const char *text;
};
constexpr Named kNames[] = {
    {kSuccess, "cudaSuccess", "no error"},
    {kInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {kOutOfMemory, "cudaErrorMemoryAllocation", "out of memory"},
    {kInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {kInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {kNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {kInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {kNoBinaryForGpu, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {kInvalidPtx, "cudaErrorInvalidPtx", "a PTX JIT compilation failed"},
    {kIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {kNotSupported, "cudaErrorNotSupported", "operation not supported"},
};
Named named(int number) {
    for (const Named &each : kNames)
        if (each.number == number) return each;
    return {number, "unrecognized error code", "unrecognized error code"};
}

}  // namespace

extern "C" {

void **__cudaRegisterFatBinary(void *image) { return reinterpret_cast<void **>(softwareGpuModule(image)); }
void __cudaRegisterFatBinaryEnd(void **) {}
void __cudaUnregisterFatBinary(void **) {}
void __cudaRegisterVar(void **, char *, char *, const char *, int, size_t, int, int) {
}  // no kernel here has one
void __cudaRegisterFunction(void **module, const char *stub, char *, const char *name, int, void *, void *,
                            void *, void *, int *) {
    std::lock_guard guard(registering);
    kernels()[stub] = {reinterpret_cast<Module *>(module), name};
}
unsigned __cudaPushCallConfiguration(Extent grid, Extent block, size_t shared, void *stream) {
    configurations.push_back({grid, block, shared, stream});
    return 0;
}
int __cudaPopCallConfiguration(Extent *grid, Extent *block, size_t *shared, void **stream) {
    const Configuration top = configurations.back();
    configurations.pop_back();
    *grid = top.grid;
    *block = top.block;
    *shared = top.shared;
    *stream = top.stream;
    return kSuccess;
}

int cudaGetDeviceCount(int *count) {
    *count = 0;
    const int error = begin();
    return said(error ? error : cuDeviceGetCount(count));
}
int cudaGetDevice(int *index) {
    *index = 0;
    return said(begin());
}
int cudaSetDevice(int index) { return index == 0 ? said(context()) : said(kInvalidDevice); }
int cudaGetDeviceProperties_v2(char *told, int index) {
    if (index != 0) return said(kInvalidDevice);
    const auto put = [told](size_t offset, auto value) { std::memcpy(told + offset, &value, sizeof value); };
    size_t free = 0, total = 0;
    if (const int error = work([&] { return cuMemGetInfo_v2(&free, &total); })) return error;
    std::memset(told, 0, kPropertiesSize);
    std::memcpy(told, kName, sizeof kName);
    std::memcpy(told + kUuidAt, kUuidBytes, sizeof kUuidBytes);
    put(kTotalMemoryAt, total);
    put(kSharedPerBlockAt, size_t{49152});
    put(kWarpSizeAt, 32);
    put(kMostThreadsAt, static_cast<int>(kMostThreads));
    const int most_threads[3] = {1024, 1024, 64}, most_blocks[3] = {2147483647, 65535, 65535};
    std::memcpy(told + kThreadsDimensionAt, most_threads, sizeof most_threads);
    std::memcpy(told + kGridSizeAt, most_blocks, sizeof most_blocks);
    put(kMajorAt, kMajor);
    put(kMinorAt, kMinor);
    put(kMultiprocessorsAt, kMultiprocessors);
    put(kUnifiedAddressingAt, 1);
    put(kMostThreadsOfProcessorAt, 2048);
    return kSuccess;
}

int cudaDeviceSynchronize() { return work(cuCtxSynchronize); }
int cudaMemGetInfo(size_t *free, size_t *total) {
    return work([=] { return cuMemGetInfo_v2(free, total); });
}
int cudaMalloc(void **at, size_t size) {
    *at = nullptr;
    return work([=] { return size ? cuMemAlloc_v2(reinterpret_cast<DevicePointer *>(at), size) : kSuccess; });
}
int cudaFree(void *at) {
    return work([=] { return cuMemFree_v2(device(at)); });
}
int cudaHostAlloc(void **at, size_t size, unsigned flags) {
    return work([=] { return cuMemHostAlloc(at, size, flags); });
}
int cudaMallocHost(void **at, size_t size) { return cudaHostAlloc(at, size, 0); }
int cudaFreeHost(void *at) {
    return work([=] { return at ? cuMemFreeHost(at) : kSuccess; });
}
int cudaMemcpy(void *to, const void *from, size_t size, int kind) {
    return work([=] { return copy(to, from, size, kind); });
}
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, Stream *) {
    return cudaMemcpy(to, from, size, kind);
}
int cudaMemset(void *at, int value, size_t size) {
    return work([=] { return cuMemsetD8_v2(device(at), static_cast<unsigned char>(value), size); });
}
int cudaMemsetAsync(void *at, int value, size_t size, Stream *) { return cudaMemset(at, value, size); }

// Streams have no state: whatever is asked is done before the call returns.
int cudaStreamCreateWithFlags(void **stream, unsigned) {
    *stream = new char;
    return work(cuCtxSynchronize);
}
int cudaStreamDestroy(void *stream) {
    delete static_cast<char *>(stream);
    return work(cuCtxSynchronize);
}
int cudaStreamSynchronize(void *) { return work(cuCtxSynchronize); }
int cudaLaunchHostFunc(void *, void (*function)(void *), void *data) {
    return work([=] {
        const int fault = softwareGpuFault();
        if (!fault) function(data);
        return fault;
    });
}
int cudaLaunchKernel(const void *stub, Extent grid, Extent block, void **arguments, size_t shared,
                     Stream *stream) {
    return work([&] {
        Function *function = nullptr;
        if (const int error = function_of(stub, &function)) return error;
        const int error = cuLaunchKernel(function, grid.x, grid.y, grid.z, block.x, block.y, block.z,
                                         static_cast<unsigned>(shared), stream, arguments, nullptr);
        return error == kInvalidValue ? kInvalidConfiguration : error;
    });
}

int cudaPeekAtLastError() { return softwareGpuFault() ? softwareGpuFault() : last; }
int cudaGetLastError() {
    const int told = cudaPeekAtLastError();
    last = kSuccess;
    return told;
}
const char *cudaGetErrorName(int error) { return named(error).name; }
const char *cudaGetErrorString(int error) { return named(error).text; }

}  // extern "C"
