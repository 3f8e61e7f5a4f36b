#include "holders.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "figures.h"

namespace software_gpu {
namespace {

// One file for each process that has a context: its name is the process, its 8 bytes are how much it holds.
std::string folder() {
    const char *told = std::getenv("SOFTWARE_GPU_HOLDERS");
    return told ? told : own_folder() + "holders";
}
}  // namespace

std::string own_folder() {
    Dl_info info{};
    dladdr(reinterpret_cast<void *>(&own_folder), &info);
    const std::string path = info.dli_fname ? info.dli_fname : "";
    return path.substr(0, path.rfind('/') + 1);
}

std::vector<Holder> holders() {
    std::vector<Holder> found;
    DIR *all = opendir(folder().c_str());
    while (const dirent *each = all ? readdir(all) : nullptr) {
        const pid_t process = std::atoi(each->d_name);
        const std::string path = folder() + "/" + each->d_name;
        uint64_t bytes = 0;
        if (process <= 0) continue;
        if (kill(process, 0) != 0 && errno == ESRCH) {
            unlink(path.c_str());
            continue;
        }
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        if (read(file, &bytes, sizeof bytes) == sizeof bytes && bytes) found.push_back({process, bytes});
        close(file);
    }
    if (all) closedir(all);
    return found;
}

void tell(uint64_t bytes) {
    static pid_t owner = 0;
    static uint64_t *shared = nullptr;
    if (owner != getpid()) {  // a child that was forked tells of itself
        owner = getpid();
        shared = nullptr;
        mkdir(folder().c_str(), 0777);
        const std::string path = folder() + "/" + std::to_string(owner);
        const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file < 0) return;
        if (ftruncate(file, sizeof bytes) == 0) {
            void *at = mmap(nullptr, sizeof bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (at != MAP_FAILED) shared = static_cast<uint64_t *>(at);
        }
        close(file);
    }
    if (shared) *shared = bytes;
}

uint64_t whole() {
    const char *told = std::getenv("SOFTWARE_GPU_MEMORY");
    return told ? std::strtoull(told, nullptr, 10) : kMemory;
}

uint64_t used() {
    uint64_t sum = kReserved;
    for (const Holder &each : holders()) sum += each.bytes;
    return sum;
}

}  // namespace software_gpu
