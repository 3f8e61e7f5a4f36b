// PTX in what a program carries for a GPU.
#pragma once
#include <string>

namespace software_gpu {

// Return the newest PTX of an image that this device may take, "" where it has none. An image is PTX itself,
// a container of fatbin entries, or the wrapper that CUDA's compiler puts before one.
std::string ptx_of(const void *image);

}  // namespace software_gpu
