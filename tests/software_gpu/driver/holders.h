// Which processes hold how much of the device: what driver and NVML tell alike.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace software_gpu {

struct Holder {
    pid_t process;
    uint64_t bytes;
};

std::string own_folder();  // in which this library lies, with its "/"
std::vector<Holder> holders();
void tell(uint64_t bytes);  // that this process holds so much
uint64_t whole();           // bytes of the device; SOFTWARE_GPU_MEMORY tells another number
uint64_t used();            // bytes that somebody holds

}  // namespace software_gpu
