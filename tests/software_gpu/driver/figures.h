// The figures of the one device. Its name says what it is; what a program may choose by are those of an H100.
#pragma once
#include <cstdint>

namespace software_gpu {

constexpr char kName[] = "Software GPU (no NVIDIA hardware)";
constexpr char kDriverVersion[] = "580.95.05";
constexpr int kCudaVersion = 13000;
constexpr char kBus[] = "0000:01:00.0";
constexpr char kUuid[] = "GPU-736f6674-7761-7265-2067-707500000000";  // "software gpu"
constexpr unsigned char kUuidBytes[16] = {0x73, 0x6f, 0x66, 0x74, 0x77, 0x61,
                                          0x72, 0x65, 0x20, 0x67, 0x70, 0x75};
constexpr int kMajor = 9, kMinor = 0;
constexpr unsigned kMostThreads = 1024;  // of a block
constexpr int kMultiprocessors = 132;
constexpr uint64_t kMemory = 80ull << 30;
constexpr uint64_t kContextBytes = 520ull << 20;  // what a context takes on such a GPU
constexpr uint64_t kReserved = 623ull << 20;      // what the driver itself keeps
constexpr uint64_t kGranule = 2ull << 20;         // in which the driver takes memory

}  // namespace software_gpu
