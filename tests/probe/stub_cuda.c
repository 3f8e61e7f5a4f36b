/* A libcuda.so.1 that says what STUB_* environment variables tell it; -DNO_DEVICES exports the version only. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long long number(const char *name, long long otherwise) {
    const char *value = getenv(name);
    return value ? atoll(value) : otherwise;
}

/* -DHANGS_AT_LOAD: its own start does not come back. */
#ifdef HANGS_AT_LOAD
__attribute__((constructor)) static void start(void) { for (;;) pause(); }
#endif

static void asked(const char *name) { while (getenv(name)) pause(); }

int cuDriverGetVersion(int *version) {
    asked("STUB_VERSION_HANGS");
    *version = number("STUB_CUDA", 12080);
    return number("STUB_CUDA_CODE", 0);
}
#ifndef NO_DEVICES
int cuInit(unsigned flags) {
    asked("STUB_CUINIT_HANGS");
    if (getenv("STUB_CUINIT_CRASH")) raise(SIGABRT);
    if (getenv("STUB_CUINIT_LEAVES")) _exit(0);
    if (getenv("CUDA_VISIBLE_DEVICES")) return 100;
    return number("STUB_CUINIT", 0);
}
int cuDeviceGetCount(int *count) { *count = number("STUB_COUNT", 1); return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, "NVIDIA Stub", length); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : -1;
    return number("STUB_ATTRIBUTE_CODE", 0);
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 85899345920ULL; return 0; }
int cuDeviceGetUuid(unsigned char *uuid, int device) {
    for (int i = 0; i < 16; i++) uuid[i] = i + device;
    return 0;
}
#endif
