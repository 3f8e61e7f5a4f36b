/* A libcuda.so.1 with one GPU, on which this process has a context if STUB_CONTEXT says so.
   The GPU's memory is the machine's own. STUB_COMPUTES is what becomes of a program that is run there: "right", or
   with "nothing" the driver says yes and does nothing, with "refused" it says that it can make no code of it;
   STUB_MEMORY "elsewhere" knows of no address, "other" gives other bytes. */
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

static int says(const char *name, const char *value) {
    const char *told = getenv(name);
    return told && !strcmp(told, value);
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)1; return 0; }
int cuDevicePrimaryCtxRelease(int device) { return 0; }
int cuCtxPushCurrent_v2(void *context) { return 0; }
int cuCtxPopCurrent_v2(void **context) { return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuModuleLoadData(void **module, const char *image) {
    *module = (void *)1;
    return says("STUB_COMPUTES", "refused") ? 221 : strstr(image, ".entry reckon(") ? 0 : 218;
}
int cuModuleUnload(void *module) { return 0; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = (void *)1; return strcmp(name, "reckon") ? 500 : 0; }
int cuMemAlloc_v2(unsigned long long *at, size_t size) { *at = (unsigned long long)malloc(size); return 0; }
int cuMemFree_v2(unsigned long long at) { free((void *)at); return 0; }
int cuMemcpyHtoD_v2(unsigned long long there, const void *here, size_t size) { memcpy((void *)there, here, size); return 0; }
int cuMemcpyDtoH_v2(void *here, unsigned long long there, size_t size) {
    memcpy(here, (void *)there, size);
    if (says("STUB_MEMORY", "other")) ((char *)here)[size / 2] ^= 1;
    return 0;
}
int cuPointerGetAttribute(void *value, int attribute, unsigned long long at) {
    *(unsigned *)value = 2;
    return says("STUB_MEMORY", "elsewhere") ? 1 : 0;
}
int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned count, unsigned b, unsigned c,
                   unsigned shared, void *stream, void **parameters, void **extra) {
    unsigned *numbers = *(unsigned **)parameters[0], key = *(unsigned *)parameters[1];
    if (says("STUB_COMPUTES", "nothing")) return 0;
    for (unsigned index = 0; index < count; index++) numbers[index] = numbers[index] * key + index;
    return 0;
}
