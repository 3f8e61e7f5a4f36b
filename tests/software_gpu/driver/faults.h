// Faults on purpose, named by SOFTWARE_GPU_FAULT:
//   convolutions=0.01  each number of a convolution is off by up to so much of itself
//   batches=0.01       likewise, and only where more than one picture is in the batch
//   tensor-cores=0.01  likewise, and only in plans with tensor cores
//   tf32               cuDNN has no plan without tensor cores, which round to 10 bits
//   kernels            kernels are launched and do nothing
//   work=100:700       the 100th kernel, convolution or product fails with CUDA's error 700, which stays
#pragma once
#include <cstdlib>
#include <string>

namespace software_gpu {

struct Fault {
    std::string name;
    double size = 0;
    int error = 0;
};

inline const Fault &asked_fault() {
    static const Fault fault = [] {
        Fault read;
        const char *told = std::getenv("SOFTWARE_GPU_FAULT");
        const std::string text = told ? told : "";
        read.name = text.substr(0, text.find('='));
        if (read.name.size() < text.size()) {
            char *rest = nullptr;
            read.size = std::strtod(text.c_str() + read.name.size() + 1, &rest);
            if (*rest == ':') read.error = std::atoi(rest + 1);
        }
        return read;
    }();
    return fault;
}

}  // namespace software_gpu
