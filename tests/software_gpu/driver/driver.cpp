// libcuda.so.1: the driver API of one device whose streams are synchronous. A device pointer is the host's
// own.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "cuda_numbers.h"
#include "faults.h"
#include "figures.h"
#include "holders.h"
#include "memory.h"
#include "modules.h"

namespace software_gpu {

struct Context {};
struct Stream {};

namespace {

std::atomic<int> begun{kNotInitialized};
std::atomic<int> standing{0};  // the fault of a piece of work, which stays
std::atomic<long> pieces{0};

std::mutex lock;
Context primary;
int retained = 0;
thread_local std::vector<Context *> stack;

// Nobody here has two devices: any list but one that begins with this one hides it.
bool hidden() {
    const char *told = std::getenv("CUDA_VISIBLE_DEVICES");
    return told && std::strcmp(told, "0") != 0 && std::strncmp(told, "0,", 2) != 0;
}

int asked(int device = 0) { return begun ? begun.load() : device == 0 ? kSuccess : kInvalidDevice; }

// What stands in the way of work: nothing was begun, no context, or a fault that stays.
int working() {
    if (const int error = asked()) return error;
    return stack.empty() || !stack.back() ? kInvalidContext : standing.load();
}

void *host(DevicePointer pointer) { return reinterpret_cast<void *>(pointer); }

int copied(void *to, const void *from, const void *of_device, size_t size) {
    if (const int error = working()) return error;
    if (!on_device(of_device, size)) return kInvalidValue;
    std::memmove(to, from, size);
    return kSuccess;
}

}  // namespace
}  // namespace software_gpu

using namespace software_gpu;

extern "C" {

int cuInit(unsigned) { return begun = hidden() ? kNoDevice : kSuccess; }

int cuDriverGetVersion(int *version) {
    *version = kCudaVersion;
    return kSuccess;
}

int cuDeviceGetCount(int *count) {
    *count = 1;
    return asked();
}
int cuDeviceGet(int *device, int index) {
    *device = 0;
    return asked(index);
}
int cuDeviceGetName(char *name, int length, int device) {
    std::snprintf(name, length, "%s", kName);
    return asked(device);
}
int cuDeviceGetUuid(unsigned char *uuid, int device) {
    std::memcpy(uuid, kUuidBytes, sizeof kUuidBytes);
    return asked(device);
}
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) { return cuDeviceGetUuid(uuid, device); }
int cuDeviceGetPCIBusId(char *bus, int length, int device) {
    std::snprintf(bus, length, "%s", kBus);
    return asked(device);
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = whole();
    return asked(device);
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == kCapabilityMajor       ? kMajor
             : attribute == kCapabilityMinor     ? kMinor
             : attribute == kMultiprocessorCount ? kMultiprocessors
                                                 : 0;
    return asked(device);
}

int cuDevicePrimaryCtxRetain(Context **context, int device) {
    if (const int error = asked(device)) return error;
    std::lock_guard guard(lock);
    if (!retained) {
        if (kContextBytes > left()) return kOutOfMemory;
        context_opened(true);
    }
    ++retained;
    *context = &primary;
    return kSuccess;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
    if (const int error = asked(device)) return error;
    std::lock_guard guard(lock);
    if (!retained) return kInvalidContext;
    if (--retained == 0) context_opened(false);
    return kSuccess;
}
int cuDevicePrimaryCtxRelease(int device) { return cuDevicePrimaryCtxRelease_v2(device); }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
    *flags = 0;
    *active = retained > 0;
    return asked(device);
}
int cuCtxPushCurrent_v2(Context *context) {
    stack.push_back(context);
    return asked();
}
int cuCtxPopCurrent_v2(Context **context) {
    if (stack.empty()) return kInvalidContext;
    *context = stack.back();
    stack.pop_back();
    return asked();
}
int cuCtxSetCurrent(Context *context) {
    if (!stack.empty()) stack.pop_back();
    return cuCtxPushCurrent_v2(context);
}
int cuCtxSynchronize() { return working(); }

int cuMemGetInfo_v2(size_t *free, size_t *total) {
    *total = whole();
    *free = left();
    return working();
}
int cuMemAlloc_v2(DevicePointer *at, size_t size) {
    if (const int error = working()) return error;
    if (!size) return kInvalidValue;
    void *place = allocate(size, Kind::kDevice);
    *at = reinterpret_cast<DevicePointer>(place);
    return place ? kSuccess : kOutOfMemory;
}
int cuMemFree_v2(DevicePointer at) {
    if (const int error = working()) return error;
    return !at || release(host(at)) ? kSuccess : kInvalidValue;
}
int cuMemHostAlloc(void **at, size_t size, unsigned) {
    if (const int error = working()) return error;
    *at = allocate(size, Kind::kPinned);
    return *at ? kSuccess : kOutOfMemory;
}
int cuMemFreeHost(void *at) {
    if (const int error = working()) return error;
    return release(at) ? kSuccess : kInvalidValue;
}
int cuMemcpyHtoD_v2(DevicePointer there, const void *here, size_t size) {
    return copied(host(there), here, host(there), size);
}
int cuMemcpyDtoH_v2(void *here, DevicePointer there, size_t size) {
    return copied(here, host(there), host(there), size);
}
int cuMemcpyDtoD_v2(DevicePointer there, DevicePointer from, size_t size) {
    return on_device(host(from), size) ? copied(host(there), host(from), host(there), size) : kInvalidValue;
}
int cuMemsetD8_v2(DevicePointer there, unsigned char value, size_t size) {
    if (const int error = working()) return error;
    if (!on_device(host(there), size)) return kInvalidValue;
    std::memset(host(there), value, size);
    return kSuccess;
}
int cuPointerGetAttribute(void *value, int attribute, DevicePointer pointer) {
    if (const int error = asked()) return error;
    const Kind kind = kind_of(host(pointer));
    if (kind == Kind::kUnknown) return kInvalidValue;
    if (attribute != kPointerMemoryType) return kNotSupported;
    *static_cast<unsigned *>(value) = kind == Kind::kDevice ? kMemoryDevice : kMemoryHost;
    return kSuccess;
}

Module *softwareGpuModule(const void *image) {
    auto *module = new Module;
    module->image = image;
    return module;
}
int cuModuleLoadData(Module **module, const void *image) {
    if (const int error = working()) return error;
    *module = softwareGpuModule(image);
    return open(**module);
}
int cuModuleUnload(Module *module) {
    delete module;
    return kSuccess;
}
int cuModuleGetFunction(Function **function, Module *module, const char *name) {
    if (const int error = working()) return error;
    return get(*module, name, function);
}
int cuLaunchKernel(Function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned, Stream *, void **parameters, void **) {
    if (const int error = working()) return error;
    const uint64_t threads = uint64_t{bx} * by * bz;
    if (!gx || !gy || !gz || !threads || threads > kMostThreads) return kInvalidValue;
    if (softwareGpuWork()) return kSuccess;  // the next call tells it, as of a kernel that fails
    if (asked_fault().name == "kernels") return kSuccess;
    if (const int error = prepare(*function)) return error;
    const unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
    function->run(grid, block, parameters);
    return kSuccess;
}

int cuStreamSynchronize(Stream *) { return working(); }

int softwareGpuFault() { return standing; }
int softwareGpuWork() {
    const Fault &fault = asked_fault();
    if (++pieces == static_cast<long>(fault.size) && fault.name == "work") standing = fault.error;
    return standing;
}

}  // extern "C"
