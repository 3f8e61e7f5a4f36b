// Programs for the device: PTX that is translated to C++ and compiled when a kernel is first launched.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "cuda_numbers.h"

namespace software_gpu {

struct Function {
    Module *module = nullptr;
    std::string name;
    void (*run)(const unsigned grid[3], const unsigned block[3], void **parameters) = nullptr;
    Result error = kSuccess;
};

struct Module {
    const void *image = nullptr;
    bool opened = false;
    std::string text, digest;  // PTX, and what names it
    std::map<std::string, std::unique_ptr<Function>> functions;
};

Result open(Module &module);
Result get(Module &module, const std::string &name, Function **out);
Result prepare(Function &function);  // translate and compile it, once for all processes

}  // namespace software_gpu
