/* A libnvidia-ml.so.1 that says what STUB_* environment variables tell it; -DOLD leaves out what R390 lacked. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}
static long long number(const char *name, long long otherwise) {
    const char *value = getenv(name);
    return value ? atoll(value) : otherwise;
}
static const char *of_device(void *device, const char *what) {
    static char name[64];
    snprintf(name, sizeof name, "STUB_%ld_%s", (long)device - 1, what);
    return name;
}
static int copy(char *to, unsigned length, const char *from) {
    if (strlen(from) >= length) return 7;
    strcpy(to, from);
    return 0;
}
static int start(void) {
    if (getenv("STUB_PRINT")) printf("%s\n", getenv("STUB_PRINT"));
    if (getenv("STUB_CRASH")) raise(SIGSEGV);
    if (getenv("STUB_HANG")) sleep(60);
    return number("STUB_INIT", 0);
}

int nvmlInit_v2(void) { return start(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "an error"; }
int nvmlSystemGetDriverVersion(char *to, unsigned length) {
    int code = number("STUB_DRIVER_CODE", 0);
    return code ? code : copy(to, length, text("STUB_DRIVER", "580.95.05"));
}
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 9999; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = number("STUB_COUNT", 0); return number("STUB_COUNT_CODE", 0); }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = (void *)(long)(index + 1);
    return number(of_device(*device, "HANDLE_CODE"), 0);
}
int nvmlDeviceGetName(void *device, char *to, unsigned length) {
    int code = number(of_device(device, "NAME_CODE"), 0);
    return code ? code : copy(to, length, text(of_device(device, "NAME"), "NVIDIA Stub"));
}
int nvmlDeviceGetUUID(void *device, char *to, unsigned length) {
    int code = number(of_device(device, "UUID_CODE"), 0);
    return code ? code : copy(to, length, text(of_device(device, "UUID"), "GPU-0"));
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
    memory[0] = number(of_device(device, "MEMORY"), 1024);
    memory[1] = memory[2] = 0;
    return number(of_device(device, "MEMORY_CODE"), 0);
}
#ifndef OLD
int nvmlInitWithFlags(unsigned flags) { return flags == 1 ? start() : 2; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = number("STUB_CUDA", 13000);
    return number("STUB_CUDA_CODE", 0);
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    *major = number(of_device(device, "MAJOR"), 8);
    *minor = number(of_device(device, "MINOR"), 9);
    return number(of_device(device, "CAPABILITY_CODE"), 0);
}
int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    *current = *pending = number(of_device(device, "MIG"), 0);
    return getenv(of_device(device, "MIG")) ? 0 : 3;
}
#endif
