// Memory of the device, which is the host's, and pinned host memory, in one table of ranges.
#pragma once
#include <cstddef>
#include <cstdint>

namespace software_gpu {

enum class Kind { kUnknown, kDevice, kPinned };

void *allocate(size_t size, Kind kind);  // nullptr where the device has not that much left
bool release(void *at);
Kind kind_of(const void *at);
bool on_device(const void *at, size_t size);  // whether all of these bytes are of one allocation
uint64_t left();                              // bytes that nobody holds
void context_opened(bool open);               // a context takes memory too

}  // namespace software_gpu
