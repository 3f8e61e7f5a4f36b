// Numbers and shapes of CUDA's interface as far as they are used here, from cuda.h and driver_types.h of
// CUDA 12.8.
#pragma once
#include <cstddef>
#include <cstdint>

namespace software_gpu {

// CUresult; the runtime's cudaError_t has the same numbers for the same things
enum Result : int {
    kSuccess = 0,
    kInvalidValue = 1,
    kOutOfMemory = 2,
    kNotInitialized = 3,
    kInvalidConfiguration = 9,    // the runtime's alone
    kInvalidDeviceFunction = 98,  // the runtime's alone
    kNoDevice = 100,
    kInvalidDevice = 101,
    kInvalidContext = 201,
    kNoBinaryForGpu = 209,
    kInvalidPtx = 218,
    kNotFound = 500,
    kIllegalAddress = 700,
    kNotSupported = 801,
};

// CUdevice_attribute
constexpr int kMultiprocessorCount = 16, kCapabilityMajor = 75, kCapabilityMinor = 76;
// CUpointer_attribute and CUmemorytype
constexpr int kPointerMemoryType = 2;
constexpr unsigned kMemoryHost = 1, kMemoryDevice = 2;

using DevicePointer = uint64_t;
struct Context;
struct Stream;
struct Function;
struct Module;

struct Extent {  // dim3
    unsigned x, y, z;
};

}  // namespace software_gpu

// What the other libraries of this folder ask of its libcuda.so.1.
extern "C" {
using software_gpu::Context;
using software_gpu::DevicePointer;
using software_gpu::Function;
using software_gpu::Module;
using software_gpu::Stream;

int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);
int cuDevicePrimaryCtxRetain(Context **context, int device);
int cuCtxSetCurrent(Context *context);
int cuCtxSynchronize();
int cuMemGetInfo_v2(std::size_t *free, std::size_t *total);
int cuMemAlloc_v2(DevicePointer *at, std::size_t size);
int cuMemFree_v2(DevicePointer at);
int cuMemHostAlloc(void **at, std::size_t size, unsigned flags);
int cuMemFreeHost(void *at);
int cuMemcpyHtoD_v2(DevicePointer there, const void *here, std::size_t size);
int cuMemcpyDtoH_v2(void *here, DevicePointer there, std::size_t size);
int cuMemcpyDtoD_v2(DevicePointer there, DevicePointer from, std::size_t size);
int cuMemsetD8_v2(DevicePointer there, unsigned char value, std::size_t size);
int cuModuleGetFunction(Function **function, Module *module, const char *name);
int cuLaunchKernel(Function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, Stream *stream, void **parameters, void **extra);

int softwareGpuFault();                        // what stands since a piece of work failed, 0 if nothing
int softwareGpuWork();                         // count one piece of work; the fault that stands after it
Module *softwareGpuModule(const void *image);  // a module that is unpacked when it is first used
}
