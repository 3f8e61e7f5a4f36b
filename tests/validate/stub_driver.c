/* A libcuda.so.1 with one GPU, on which this process has a context if STUB_CONTEXT says so. */
#include <stdlib.h>
#include <string.h>

int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = getenv("STUB_NO_GPU") ? 0 : 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetPCIBusId(char *bus, int length, int device) { strncpy(bus, "0000:41:00.0", length); return 0; }
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
    const char *instance = getenv("STUB_MIG");
    memset(uuid, 0, 16);
    uuid[15] = instance ? atoi(instance) : 0;
    return 0;
}
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
    const char *told = getenv("STUB_CONTEXT");
    *flags = 0;
    *active = told ? atoi(told) : 1;
    return 0;
}
