/* A libnvidia-ml.so.1 with one GPU: STUB_TOTAL, STUB_FREE, and STUB_HELD as "pid:bytes,..." (0 is this process).
   With STUB_SECOND a second, idle one is there, which CUDA counts first if it is "first". With STUB_MIG the GPU is cut into
   two instances of a tenth of its memory, of which the second is full, and CUDA has the one of that number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;

static unsigned long long number(const char *name) {
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : 0;
}
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = getenv("STUB_SECOND") ? 2 : 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) {
    const char *second = getenv("STUB_SECOND");
    *device = (void *)(second && !strcmp(second, "first") ? 2L : 1L);
    return strcmp(bus, "0000:41:00.0") ? 6 : 0;
}
int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *pending) {
    *now = *pending = getenv("STUB_MIG") != NULL;
    return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) { *count = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **instance) {
    *instance = (void *)(long)(11 + index);
    return index < 2 ? 0 : 6;
}
int nvmlDeviceGetUUID(void *device, char *name, unsigned length) {
    snprintf(name, length, "MIG-00000000-0000-0000-0000-0000000000%02lx", (long)device - 10);
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
    if ((long)device > 10) {
        memory[0] = number("STUB_TOTAL") / 10;
        memory[1] = device == (void *)11 ? memory[0] : number("STUB_FREE");
        memory[2] = memory[0] - memory[1];
        return 0;
    }
    memory[0] = number("STUB_TOTAL");
    memory[1] = device == (void *)1 ? number("STUB_FREE") : memory[0];
    memory[2] = memory[0] - memory[1];
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *processes) {
    static unsigned long long asked; /* what this process holds grows by STUB_GROWS each time */
    unsigned found = 0;
    char *at = device == (void *)1 || device == (void *)12 ? getenv("STUB_HELD") : NULL;
    while (at && *at && found < *count) {
        unsigned pid = strtoul(at, &at, 10);
        unsigned long long used = strtoull(at + 1, &at, 10);
        if (!pid) used += asked++ * number("STUB_GROWS");
        processes[found].pid = pid ? pid : (unsigned)getpid();
        processes[found++].used = used;
        if (*at == ',') at++;
    }
    *count = found;
    return 0;
}
