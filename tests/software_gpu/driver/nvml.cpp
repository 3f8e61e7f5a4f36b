// libnvidia-ml.so.1: what NVML says of the one device. Its numbers and structures are those of nvml.h 12.
#include <cstdio>

#include "figures.h"
#include "holders.h"

namespace {

enum Answer : int { kSuccess = 0, kUninitialized = 1, kInvalidArgument = 2, kInsufficientSize = 7 };

struct Device;
struct Memory {
    unsigned long long total, free, used;
};
struct Process {
    unsigned process;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};
constexpr unsigned kNoInstance = 0xffffffff;

bool begun = false;
Device *const kDevice = reinterpret_cast<Device *>(1);

Answer asked(const Device *device) {
    return !begun ? kUninitialized : device == kDevice ? kSuccess : kInvalidArgument;
}

Answer text(char *out, unsigned length, const char *from) {
    return std::snprintf(out, length, "%s", from) < static_cast<int>(length) ? kSuccess : kInsufficientSize;
}

}  // namespace

extern "C" {

int nvmlInitWithFlags(unsigned) {
    begun = true;
    return kSuccess;
}
int nvmlInit_v2() { return nvmlInitWithFlags(0); }

int nvmlSystemGetDriverVersion(char *out, unsigned length) {
    return text(out, length, software_gpu::kDriverVersion);
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = software_gpu::kCudaVersion;
    return kSuccess;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = 1;
    return asked(kDevice);
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    *device = kDevice;
    return index == 0 ? asked(kDevice) : kInvalidArgument;
}
int nvmlDeviceGetName(Device *device, char *out, unsigned length) {
    const Answer known = asked(device);
    return known ? known : text(out, length, software_gpu::kName);
}
int nvmlDeviceGetUUID(Device *device, char *out, unsigned length) {
    const Answer known = asked(device);
    return known ? known : text(out, length, software_gpu::kUuid);
}
int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    *major = software_gpu::kMajor;
    *minor = software_gpu::kMinor;
    return asked(device);
}
int nvmlDeviceGetMigMode(Device *device, unsigned *now, unsigned *pending) {
    *now = *pending = 0;
    return asked(device);
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    memory->total = software_gpu::whole();
    memory->used = software_gpu::used();
    memory->free = memory->total > memory->used ? memory->total - memory->used : 0;
    return asked(device);
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *out) {
    const auto holders = software_gpu::holders();
    const unsigned room = *count;
    *count = static_cast<unsigned>(holders.size());
    if (room < *count) return kInsufficientSize;
    for (const auto &each : holders)
        *out++ = {static_cast<unsigned>(each.process), each.bytes, kNoInstance, kNoInstance};
    return asked(device);
}

}  // extern "C"
